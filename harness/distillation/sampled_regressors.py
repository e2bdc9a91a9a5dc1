"""The base class of methods that match the losses of sampled regressors."""

from __future__ import annotations

import math

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet


class SampledRegressors(Reducer[RegressionSet]):
    """A regression reducer that sees the data only through the losses of sampled regressors."""

    predictors: PositiveInt = 100  # sampled regressors, the paper's k
    predictor_ratio: PositiveFloat | None = None  # k as a multiple of q(q+1)/2, instead

    def _sample(self, dimension: int, rng: np.random.Generator) -> Float64Array:
        """Draw the regressors on ``ζ`` of ``dimension`` numbers, shape ``(k, dimension)``."""
        count = self.predictors
        if self.predictor_ratio is not None:
            count = math.ceil(self.predictor_ratio * identifiable(dimension) - 1e-9)
        return sample_regressors(count, dimension, rng)


def sample_regressors(count: int, dimension: int, rng: np.random.Generator) -> Float64Array:
    """Draw regressors from ``N(0, I / dimension)``, shape ``(count, dimension)``."""
    regressors: Float64Array = rng.normal(size=(count, dimension)) / np.sqrt(dimension)
    return regressors


def identifiable(dimension: int) -> int:
    """Number of losses that determine a symmetric ``q × q`` second moment: ``q(q+1)/2``."""
    return dimension * (dimension + 1) // 2
