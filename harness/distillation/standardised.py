"""Transitions in units of their own spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.arrays import Float64Array
from harness.features import Standardiser
from harness.predictors import StandardRows, standard_rows
from harness.transitions import Transitions


@dataclass(frozen=True, eq=False)
class Standardised:
    """Transitions in units of their own spread."""

    standardiser: Standardiser
    reward_scale: float
    rows: StandardRows  # N rows
    points: Float64Array  # (N, 2 obs_dim + 1), [s, s', r] of the same rows
    shares: Float64Array  # (N,) weights that sum to one

    @classmethod
    def of(cls, transitions: Transitions) -> Standardised:
        """Z-score states; divide rewards by their standard deviation, or one if it is zero."""
        standardiser = Standardiser.fit(transitions)
        reward_scale = float(np.std(transitions.rewards, dtype=np.float64)) or 1.0
        rows = standard_rows(transitions, standardiser, reward_scale)
        return cls(standardiser, reward_scale, rows, _points(rows), transitions.shares)

    def rows_of(self, transitions: Transitions) -> StandardRows:
        """Other transitions, in the units of these."""
        return standard_rows(transitions, self.standardiser, self.reward_scale)

    def points_of(self, transitions: Transitions) -> Float64Array:
        """Other transitions as points ``(M, 2 obs_dim + 1)``, in the units of these."""
        return _points(self.rows_of(transitions))

    def group(self, terminated: bool) -> Standardised:
        """Only the rows that terminated, or only those that did not."""
        members = self.rows.terminated == terminated
        shares = self.shares[members] / self.shares[members].sum()
        rows, points = self.rows.take(members), self.points[members]
        return Standardised(self.standardiser, self.reward_scale, rows, points, shares)

    def restore(self, points: Float64Array, template: Transitions) -> Transitions:
        """Put points ``(M, 2 obs_dim + 1)`` into the template's rows, in the data's units."""
        d = template.obs_dim
        return Transitions(
            observations=self.standardiser.invert(points[:, :d]),
            actions=template.actions,
            rewards=points[:, -1] * self.reward_scale,
            next_observations=self.standardiser.invert(points[:, d : 2 * d]),
            terminations=template.terminations,
            weights=template.weights,
            action_count=template.action_count,
        )


def _points(rows: StandardRows) -> Float64Array:
    """Stack ``[s, s', r]``, shape ``(N, 2 obs_dim + 1)``."""
    return np.column_stack([rows.states, rows.next_states, rows.rewards])
