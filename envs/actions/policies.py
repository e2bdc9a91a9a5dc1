"""Policies over codes as policies over continuous actions and back, and one of recorded actions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from envs.actions.codebook import Codebook, sampled_rows
from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.learner import ContinuousPolicy, Policy
from harness.core.transitions import Transitions
from harness.numerics.standardising import Standardiser

if TYPE_CHECKING:
    from scipy.spatial import cKDTree


@dataclass(frozen=True, eq=False)
class CodedPolicy:
    """A continuous policy that takes the codes chosen by a discrete policy."""

    policy: Policy
    codebook: Codebook

    def act(self, observations: FloatArray) -> Float64Array:
        """Choose a code for each observation, ``(B, obs_dim) -> (B, action_dim)``."""
        return self.codebook.decode(self.policy.act(observations))


@dataclass(frozen=True, eq=False)
class NumberedPolicy:
    """A discrete policy that takes the codes nearest to the actions of a continuous policy."""

    policy: ContinuousPolicy
    codebook: Codebook

    def act(self, observations: FloatArray) -> IntArray:
        """Choose an action for each observation, and number it, ``(B, obs_dim) -> (B,)``."""
        return self.codebook.encode(self.policy.act(observations))


@dataclass(frozen=True, eq=False)
class NeighbourPolicy:
    """A continuous policy that takes the action of the nearest recorded state.

    States are compared in units of their standard deviations.
    """

    standardiser: Standardiser
    states: Float64Array  # (n, obs_dim) z-scored
    actions: FloatArray  # (n, action_dim)

    @classmethod
    def fit(cls, transitions: Transitions, actions: FloatArray) -> Self:
        """Keep the rows that codebooks are fitted to, with the actions as recorded ``(N, d)``."""
        rows = sampled_rows(len(transitions))
        sample = transitions.take(rows)
        standardiser = Standardiser.fit(sample)
        return cls(standardiser, standardiser.apply(sample.observations), actions[rows])

    def act(self, observations: FloatArray) -> FloatArray:
        """Return the action of the nearest state, ``(B, obs_dim) -> (B, action_dim)``."""
        _, nearest = self._tree.query(self.standardiser.apply(observations))
        chosen: FloatArray = self.actions[nearest]
        return chosen

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree  # slow to import, and rarely needed

        return cKDTree(self.states)
