"""Arbitrary small regression sets for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import FloatArray
from harness.core.reduction import Reduction
from harness.core.regression_set import RegressionSet


def equally_weighted(features: FloatArray, targets: FloatArray) -> RegressionSet:
    return RegressionSet(features, targets, np.ones(len(targets)))


def losses(
    data: RegressionSet | Reduction[RegressionSet], regressors: FloatArray
) -> NDArray[np.float64]:
    """Weighted mean squared ``g·(x, y)`` from the definition, row by row, ``(k,)``."""
    rows = np.column_stack([data.features, data.targets]).astype(np.float64)
    return np.average((rows @ regressors.T) ** 2, axis=0, weights=data.weights)
