"""Matching of the Bellman losses of sampled Q-functions on one group of transitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.distillation.solvers.domains import Domain
from harness.distillation.solvers.levenberg_marquardt import LeastSquares, SearchResult, minimise
from harness.numerics.predictors import Predictors

MEAN_WEIGHT = 10.0  # keeps steps close to the prescribed means, which the projection restores


@dataclass(frozen=True, eq=False)
class GroupMatching:
    """Bellman-loss gaps of ``k`` Q-functions on ``m`` points ``[s, s', r]``, all or none terminal.

    The cost of an evaluation does not depend on the number of training rows.
    """

    predictors: Predictors
    actions: IntArray  # (m,)
    discount: float  # zero for terminal points
    shares: Float64Array  # (m,) weights that sum to one
    losses: Float64Array  # (k,) on the training rows
    units: Float64Array  # (k,) units of the gaps
    means: Float64Array | None  # (p,) prescribed means of the points, NaN where there is none

    def residuals(self, points: Float64Array) -> Float64Array:
        """Loss gaps in their units ``(k,)``, and deviations from the prescribed means."""
        errors, _ = self._td_errors(points)
        gaps = (self.shares @ errors**2 - self.losses) / self.units
        return np.concatenate([gaps, MEAN_WEIGHT * self._drift(points)])

    def gradients(self, points: Float64Array) -> Float64Array:
        """Derivatives of `residuals` by the points, ``(r, m, p)``."""
        d = self._obs_dim(points)
        errors, best = self._td_errors(points)
        by_point = np.empty((*errors.shape, points.shape[1]))  # (m, k, p)
        taken = np.broadcast_to(self.actions[:, None], errors.shape)
        by_point[:, :, :d] = self.predictors.gradients(points[:, :d], taken)
        by_point[:, :, d:-1] = 0.0
        if self.discount:
            then = self.predictors.gradients(points[:, d:-1], best)
            by_point[:, :, d:-1] = -self.discount * then
        by_point[:, :, -1] = -self.predictors.reward_scales
        by_point *= (2 * self.shares[:, None] * errors / self.units)[:, :, None]
        gaps = by_point.transpose(1, 0, 2)
        return np.concatenate([gaps, MEAN_WEIGHT * self._drift_slopes(points)])

    def _td_errors(self, points: Float64Array) -> tuple[Float64Array, IntArray]:
        """TD errors and best next actions, ``(m, k)`` each."""
        d = self._obs_dim(points)
        values = self.predictors.values(points[:, :d])
        errors = np.take_along_axis(values, self.actions[:, None, None], axis=2)[:, :, 0]
        errors = errors - points[:, -1:] * self.predictors.reward_scales
        best = np.zeros(errors.shape, dtype=np.int64)
        if self.discount:
            following = self.predictors.values(points[:, d:-1])
            best = following.argmax(axis=2)
            errors -= self.discount * following.max(axis=2)
        return errors, best

    def _drift(self, points: Float64Array) -> Float64Array:
        if self.means is None:
            return np.zeros(0)
        prescribed = ~np.isnan(self.means)
        drift: Float64Array = (self.shares @ points - self.means)[prescribed]
        return drift

    def _drift_slopes(self, points: Float64Array) -> Float64Array:
        if self.means is None:
            return np.zeros((0, *points.shape))
        units = np.eye(points.shape[1])[~np.isnan(self.means)]
        return self.shares[None, :, None] * units[:, None, :]

    @staticmethod
    def _obs_dim(points: Float64Array) -> int:
        return int(points.shape[1] - 1) // 2


def match_group(
    matching: GroupMatching, domain: Domain, iterations: int, tolerance: float
) -> tuple[Float64Array, SearchResult]:
    """Optimise the domain's initial points until the losses match.

    Returns:
        Points ``(m, p)`` of the domain, and the outcome of the search.

    Raises:
        FloatingPointError: If a loss at the start is not finite.
    """
    problem = LeastSquares(
        residuals=lambda x: matching.residuals(domain.points(x)),
        jacobian=lambda x: domain.vector_jacobian(x, matching.gradients(domain.points(x))),
        project=domain.project,
        low=domain.low,
        high=domain.high,
    )
    found = minimise(problem, domain.start, iterations, tolerance)
    return domain.points(found.point), found
