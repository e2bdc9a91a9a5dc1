"""Fitted Q-iteration with a linear Q-function, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.computing.threads import one_thread
from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions
from harness.numerics.features import KernelFeatures
from harness.numerics.level_free_q import fit_level_free_q
from harness.numerics.predictors import LinearPredictors
from harness.numerics.standardising import Standardiser, standard_rows


class LinearFQILearner(Learner):
    """Linear fitted Q-iteration in closed form, the level of its values free.

    Ridge regression on random Fourier features. A penalty on the level would solve classic control
    from data without signal, see `harness.numerics.level_free_q`.

    There are no gradient steps: the only checkpoint follows the last iteration.

    The ridge was chosen on full data and seeds of its own, see ``results/learner-search-linear``.
    """

    name: ClassVar[str] = "linear-fqi"
    cache_version: ClassVar[int] = 2  # 1: the level of values was penalised

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    feature_count: PositiveInt = 300
    ridge: PositiveFloat = 1e-3  # for each unit of weight that a regression sees
    iterations: PositiveInt = 150

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        """Draw features by the seed and iterate; on one thread, for threads change last digits.

        Raises:
            InputError: If values diverge.
        """
        standardiser = Standardiser.fit(transitions)
        rng = np.random.default_rng(seed)
        with one_thread():
            fitted = fit_level_free_q(
                standard_rows(transitions, standardiser, reward_scale=1.0),
                transitions.shares,
                KernelFeatures.draw(transitions.obs_dim, self.feature_count, rng),
                transitions.action_count,
                self.discount,
                self.ridge,
                self.iterations,
                choices=np.ones(transitions.action_count, dtype=np.bool_),
            )
        policy = GreedyLinearPolicy(fitted.q, standardiser)
        yield TrainedPolicy(self.iterations, policy, {"left_out_error": fitted.left_out_error})


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
