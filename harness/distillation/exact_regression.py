"""Exact distillation of regression data: every linear regressor keeps its squared loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.regression_set import RegressionSet
from harness.distillation.solvers.reservoir import Reservoir
from harness.numerics.certificates.regression import regression_certificate, regression_moments
from harness.numerics.moment_matching import (
    nearest,
    nearest_with_mean,
    root,
    second_moment_root,
    truncated,
)
from harness.numerics.moments import Moments


class ExactRegression(Reducer[RegressionSet]):
    """Synthesise equally weighted points with the second moments of the data, near a subsample.

    The squared loss of a homogeneous linear regressor depends on the data through ``E[ζζᵀ]`` only,
    ``ζ = (x, y)``, which ``d + 1`` points can match. With ``intercept`` mean and covariance are
    matched as well, by ``d + 2`` points, so that an intercept column stays one. Collinear and
    constant columns need fewer. A larger set has the same moments and is the closest such set to a
    real subsample, with distance in units of each column's standard deviation. A smaller set keeps
    the largest eigenvalues of the moment matrix; its diagnostic ``worst_gap`` is the maximum loss
    gap over regressors of norm at most one, the minimum over all sets of that size (given the mean,
    with ``intercept``).
    """

    name: ClassVar[str] = "exact"

    intercept: bool = False  # match the mean too, for regressors with an intercept

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, Diagnostics]:
        subsample = Reservoir(size, rng)
        subsample.offer(data)
        moments = regression_moments(data)
        reduced, diagnostics = _distilled(moments, subsample.rows, self.intercept)
        return reduced, None, diagnostics


def _distilled(
    moments: Moments, start: Float64Array, intercept: bool
) -> tuple[RegressionSet, dict[str, float]]:
    scale = _units(moments)
    if intercept:
        factor = root(moments.covariance)
        kept = truncated(factor, len(start) - 1)
        points = nearest_with_mean(start, moments.mean, kept, scale)
    else:
        factor = second_moment_root(moments.mean, moments.covariance)
        points = nearest(start, truncated(factor, len(start)), scale)
    diagnostics = {
        "rank": float(len(factor)),
        "worst_gap": _worst_gap(moments, Moments.of(points), intercept),
        "movement": float(np.sqrt(np.mean(((points - start) / scale) ** 2))),
    }
    return RegressionSet(points[:, :-1], points[:, -1], np.ones(len(points))), diagnostics


def _units(moments: Moments) -> Float64Array:
    """Standard deviation of each column; if constant, its absolute value, or one if it is zero."""
    size = np.where(moments.mean == 0, 1.0, np.abs(moments.mean))
    return np.where(moments.deviation > 0, moments.deviation, size)


def _worst_gap(train: Moments, found: Moments, intercept: bool) -> float:
    if intercept:
        return regression_certificate(
            train.second_moment_with_constant, found.second_moment_with_constant
        ).worst_gap
    return regression_certificate(train, found).worst_gap
