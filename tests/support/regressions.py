"""Arbitrary small regression sets for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import FloatArray
from harness.core.regression_set import RegressionReduction, RegressionSet


def random_regression(rng: np.random.Generator, rows: int, columns: int = 4) -> RegressionSet:
    """Correlated features off centre, a noisy linear target and unequal weights."""
    mixing = rng.normal(size=(columns, columns))
    features = rng.normal(size=(rows, columns)) @ mixing + rng.normal(size=columns)
    targets = features @ rng.normal(size=columns) + rng.normal(size=rows) + 3.0
    return RegressionSet(features, targets, rng.uniform(0.5, 2.0, size=rows))


def equally_weighted(features: FloatArray, targets: FloatArray) -> RegressionSet:
    return RegressionSet(features, targets, np.ones(len(targets)))


def losses(
    data: RegressionSet | RegressionReduction, regressors: FloatArray
) -> NDArray[np.float64]:
    """Weighted mean squared ``g·(x, y)`` from the definition, row by row, ``(k,)``."""
    rows = np.column_stack([data.features, data.targets]).astype(np.float64)
    return np.average((rows @ regressors.T) ** 2, axis=0, weights=data.weights)
