"""Units of a regression dataset's columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.arrays import Float64Array
from harness.regression import RegressionSet
from harness.transitions import FloatArray


@dataclass(frozen=True, eq=False)
class Units:
    """Mean and standard deviation of every column; scale 1 where a column is constant."""

    feature_mean: Float64Array  # (d,)
    feature_scale: Float64Array  # (d,)
    target_mean: float
    target_scale: float

    @classmethod
    def of(cls, features: Float64Array, targets: Float64Array) -> Units:
        """Take the units of the rows ``(n, d)`` and ``(n,)``."""
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


def _mean_and_scale(columns: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Mean and standard deviation of each column, scale 1 where a column is constant."""
    spread = np.ptp(columns, axis=0)
    constant = spread == 0
    spread[constant] = 1
    # In units of the spread from the first row: rounding cannot make a constant column vary.
    relative = (columns - columns[0]) / spread
    scale = np.where(constant, 1, spread * relative.std(axis=0))
    return columns[0] + spread * relative.mean(axis=0), scale
