"""Fitted Q-iteration with a linear Q-function, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions
from harness.numerics.features import FourierFeatures
from harness.numerics.fitted_q import ITERATIONS, fit_q
from harness.numerics.predictors import LinearPredictors
from harness.numerics.standardising import Standardiser, standard_rows


class LinearFQILearner(Learner):
    """Linear fitted Q-iteration: ridge regression on random Fourier features, in closed form.

    There are no gradient steps: the only checkpoint follows the last iteration.
    """

    name: ClassVar[str] = "linear-fqi"

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    feature_count: PositiveInt = 300
    ridge: PositiveFloat = 3e-2  # penalty per unit of weight of a regression's rows
    iterations: PositiveInt = ITERATIONS

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        """Draw features by the seed and iterate from the zero Q-function, on weighted rows."""
        standardiser = Standardiser.fit(transitions)
        rows = standard_rows(transitions, standardiser, reward_scale=1.0)
        rng = np.random.default_rng(seed)
        features = FourierFeatures.draw(transitions.obs_dim, self.feature_count, rng)
        fitted = fit_q(
            rows,
            transitions.shares,
            features,
            transitions.action_count,
            "product",
            self.discount,
            ridge=self.ridge,
            iterations=self.iterations,
        )
        yield TrainedPolicy(self.iterations, GreedyLinearPolicy(fitted, standardiser))


@dataclass(frozen=True, eq=False)
class GreedyLinearPolicy:
    """The greedy policy of a linear Q-function."""

    fitted: LinearPredictors  # of one predictor
    standardiser: Standardiser

    def act(self, observations: FloatArray) -> IntArray:
        """Choose the action of maximum Q-value, ``(B, obs_dim) -> (B,)``."""
        best: IntArray = self.values(observations).argmax(axis=1)
        return best

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(B, obs_dim) -> (B, action_count)``."""
        return self.fitted.values(self.standardiser.apply(observations))[:, 0]
