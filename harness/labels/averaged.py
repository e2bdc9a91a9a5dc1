"""The average of what several members learned, and what they disagree by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.core.arrays import Float64Array, FloatArray
from harness.core.learner import ActorCritic
from harness.labels.base import QFunction


@dataclass(frozen=True, eq=False)
class AveragedQ:
    """Mean over several Q-functions, less a number of their standard deviations."""

    members: Sequence[QFunction]
    caution: float  # standard deviations over members that values are lowered by, at least 0

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(N, obs_dim) -> (N, action_count)``."""
        return _lower_bound(self.each(observations), self.caution)

    def each(self, observations: FloatArray) -> Float64Array:
        """Values of every member, ``(members, N, action_count)``."""
        return np.stack([member.values(observations) for member in self.members])

    def agreement(self, observations: FloatArray) -> float:
        """Mean correlation between the advantages of two members; 1 where there is one member."""
        each = self.each(observations)
        return _mean_correlation(each - each.mean(axis=2, keepdims=True))


@dataclass(frozen=True, eq=False)
class AveragedActor:
    """Mean action of several actors, and the mean value that their critics give an action."""

    members: Sequence[ActorCritic]
    caution: float  # standard deviations over members that values are lowered by, at least 0

    def act(self, observations: FloatArray) -> FloatArray:
        """Mean action of each state, ``(N, obs_dim) -> (N, action_dim)``."""
        found: FloatArray = self.each(observations).mean(axis=0)
        return found

    def each(self, observations: FloatArray) -> Float64Array:
        """Actions of every member, ``(members, N, action_dim)``."""
        return np.stack([member.act(observations) for member in self.members]).astype(np.float64)

    def value_of(self, observations: FloatArray, actions: FloatArray) -> Float64Array:
        """Value of an action at each state, ``(N, obs_dim), (N, action_dim) -> (N,)``."""
        each = np.stack([member.value_of(observations, actions) for member in self.members])
        return _lower_bound(each, self.caution)

    def agreement(self, observations: FloatArray) -> float:
        """Mean correlation between the actions of two members; 1 where there is one member."""
        each = self.each(observations)
        return _mean_correlation(each - each.mean(axis=1, keepdims=True))


def _lower_bound(each: Float64Array, caution: float) -> Float64Array:
    """Mean over members, less so many of their standard deviations."""
    means: Float64Array = each.mean(axis=0)
    return means - caution * each.std(axis=0) if caution else means


def _mean_correlation(centred: Float64Array) -> float:
    """Mean over pairs of members of their correlation; 1 where there is one member."""
    flat = centred.reshape(len(centred), -1)
    sizes = np.linalg.norm(flat, axis=1)
    found = [
        float(flat[i] @ flat[j] / max(sizes[i] * sizes[j], np.finfo(float).tiny))
        for i, j in combinations(range(len(flat)), 2)
    ]
    return float(np.mean(found)) if found else 1.0
