"""Shaped labels: rewards with a potential that changes no optimal policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from pydantic import PositiveFloat

from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, Labels, QFunction
from harness.labels.signal import action_gap


class ShapedLabels(Labels):
    """Potential-based shaping by the teacher's state values, times a positive scale κ.

    The reward becomes ``κ (r + γ (1 - b) V(s') - V(s))`` with ``V = max_a Q`` (Ng, Harada and
    Russell, ICML 1999). Optimal policies stay optimal for *any* V, and for every f the Bellman loss
    of ``κ (f - V)`` on shaped rows is κ² times that of f on recorded ones.
    """

    name: ClassVar[str] = "shaped"

    gap: PositiveFloat = 100.0  # median difference between the best and the worst action

    def make(self, teacher: FittedTeacher, transitions: Transitions, discount: float) -> Shaping:
        """Take the scale from the dataset: the median gap between actions becomes ``gap``."""
        scale = self.gap / action_gap(teacher, transitions, self.name)
        return Shaping(teacher.q, scale, discount)


@dataclass(frozen=True, eq=False)
class Shaping:
    """Adds the difference of a potential, and scales."""

    q: QFunction
    scale: float  # κ
    discount: float

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        """The scale."""
        return {"label_scale": self.scale}

    def __call__(self, transitions: Transitions) -> Transitions:
        """Shape the rewards of rows."""
        now = self.q.values(transitions.observations).max(axis=1)
        then = self.q.values(transitions.next_observations).max(axis=1)
        alive = self.discount * ~transitions.terminations
        rewards = transitions.rewards.astype(np.float64)
        return replace(transitions, rewards=self.scale * (rewards + alive * then - now))
