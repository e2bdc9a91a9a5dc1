"""The average of several Q-functions, and what they disagree by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.core.arrays import Float64Array, FloatArray
from harness.labels.base import QFunction


@dataclass(frozen=True, eq=False)
class AveragedQ:
    """Mean over several Q-functions, less a number of their standard deviations."""

    members: Sequence[QFunction]
    caution: float  # standard deviations over members that values are lowered by, at least 0

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(N, obs_dim) -> (N, action_count)``."""
        each = self.each(observations)
        means: Float64Array = each.mean(axis=0)
        return means - self.caution * each.std(axis=0) if self.caution else means

    def each(self, observations: FloatArray) -> Float64Array:
        """Values of every member, ``(members, N, action_count)``."""
        return np.stack([member.values(observations) for member in self.members])

    def agreement(self, observations: FloatArray) -> float:
        """Mean correlation between the advantages of two members; 1 where there is one member."""
        each = self.each(observations)
        advantages = (each - each.mean(axis=2, keepdims=True)).reshape(len(each), -1)
        sizes = np.linalg.norm(advantages, axis=1)
        found = [
            float(advantages[i] @ advantages[j] / max(sizes[i] * sizes[j], np.finfo(float).tiny))
            for i, j in combinations(range(len(each)), 2)
        ]
        return float(np.mean(found)) if found else 1.0
