"""Standardisation of states, of whole transitions and of regression sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from harness.core.arrays import BoolArray, Float64Array, FloatArray, IntArray
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


@dataclass(frozen=True)
class Standardiser:
    """Z-scoring of observations with the statistics of one dataset."""

    mean: Float64Array  # (obs_dim,)
    scale: Float64Array  # (obs_dim,) standard deviation; one where a column is constant

    @classmethod
    def fit(cls, transitions: Transitions) -> Self:
        """Compute weighted mean and standard deviation of the observations."""
        observations = transitions.observations.astype(np.float64)
        mean = transitions.shares @ observations
        deviation = np.sqrt(transitions.shares @ (observations - mean) ** 2)
        return cls(mean, np.where(deviation > 0, deviation, 1.0))

    def apply(self, observations: FloatArray) -> Float64Array:
        """Z-score ``(N, obs_dim)`` observations."""
        return (observations.astype(np.float64) - self.mean) / self.scale

    def invert(self, standardised: FloatArray) -> Float64Array:
        """Undo `apply`."""
        return standardised * self.scale + self.mean


@dataclass(frozen=True, eq=False)
class StandardRows:
    """Transitions with z-scored states and rewards in units of their standard deviation."""

    states: Float64Array  # (N, obs_dim)
    actions: IntArray  # (N,)
    rewards: Float64Array  # (N,)
    next_states: Float64Array  # (N, obs_dim)
    terminated: BoolArray  # (N,)

    def __len__(self) -> int:
        return len(self.actions)

    def take(self, rows: IntArray | slice | BoolArray) -> StandardRows:
        """Return the given rows."""
        return StandardRows(
            self.states[rows],
            self.actions[rows],
            self.rewards[rows],
            self.next_states[rows],
            self.terminated[rows],
        )


def standard_rows(
    transitions: Transitions, standardiser: Standardiser, reward_scale: float
) -> StandardRows:
    """Z-score the states of transitions and divide their rewards by ``reward_scale``."""
    return StandardRows(
        standardiser.apply(transitions.observations),
        transitions.actions,
        transitions.rewards.astype(np.float64) / reward_scale,
        standardiser.apply(transitions.next_observations),
        transitions.terminations,
    )


@dataclass(frozen=True, eq=False)
class Standardised:
    """Standardised transitions, as rows and as points ``[s, s', r]``."""

    standardiser: Standardiser
    reward_scale: float
    rows: StandardRows  # N rows
    points: Float64Array  # (N, 2 obs_dim + 1), [s, s', r] of the same rows
    shares: Float64Array  # (N,) normalised weights

    @classmethod
    def of(cls, transitions: Transitions) -> Standardised:
        """Z-score states, and divide rewards by their standard deviation, or one if it is zero."""
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
        """Select the rows that terminated, or those that did not."""
        members = self.rows.terminated == terminated
        shares = self.shares[members] / self.shares[members].sum()
        rows, points = self.rows.take(members), self.points[members]
        return Standardised(self.standardiser, self.reward_scale, rows, points, shares)

    def restore(self, points: Float64Array, template: Transitions) -> Transitions:
        """Replace the template's s, s' and r by points ``(M, 2 obs_dim + 1)``, in raw units."""
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


@dataclass(frozen=True, eq=False)
class Units:
    """Mean and standard deviation of every column; scale 1 where a column is constant."""

    feature_mean: Float64Array  # (d,)
    feature_scale: Float64Array  # (d,)
    target_mean: float
    target_scale: float

    @classmethod
    def of(cls, features: Float64Array, targets: Float64Array) -> Units:
        """Compute the units of the rows ``(n, d)`` and ``(n,)``."""
        feature_mean, feature_scale = _mean_and_scale(features)
        target_mean, target_scale = _mean_and_scale(targets[:, None])
        return cls(feature_mean, feature_scale, float(target_mean[0]), float(target_scale[0]))

    def apply(
        self, features: FloatArray, targets: FloatArray, weights: FloatArray
    ) -> RegressionSet:
        """Standardise rows."""
        return RegressionSet(
            (features - self.feature_mean) / self.feature_scale,
            (targets - self.target_mean) / self.target_scale,
            weights,
        )

    def invert(self, data: RegressionSet) -> RegressionSet:
        """Undo `apply`."""
        return RegressionSet(
            data.features * self.feature_scale + self.feature_mean,
            data.targets * self.target_scale + self.target_mean,
            data.weights,
        )


def _points(rows: StandardRows) -> Float64Array:
    """Stack ``[s, s', r]``, shape ``(N, 2 obs_dim + 1)``."""
    return np.column_stack([rows.states, rows.next_states, rows.rewards])


def _mean_and_scale(columns: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Mean and standard deviation of each column, scale 1 where a column is constant."""
    spread = np.ptp(columns, axis=0)
    constant = spread == 0
    spread[constant] = 1
    # Relative to the first row, so that rounding cannot make a constant column vary.
    relative = (columns - columns[0]) / spread
    scale = np.where(constant, 1, spread * relative.std(axis=0))
    return columns[0] + spread * relative.mean(axis=0), scale
