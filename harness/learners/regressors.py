"""Regression learners: least squares, ridge, lasso and a small network.

The linear learners are homogeneous, ``f(x) = βᵀx`` without an intercept, as in the paper: they
expect centred features and targets. Penalties are relative to the weighted mean loss, so that
neither the number of rows nor the unit of the weights affects the result, and were chosen on
scikit-learn's diabetes data only. Nothing is tuned on the data that a learner is given.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, FloatArray
from harness.core.learner import RegressionLearner
from harness.core.regression_set import RegressionSet

RANK_TOLERANCE = 1e-10  # singular values below this share of the largest count as zero


@dataclass(frozen=True, eq=False)
class LinearPredictor:
    """A homogeneous linear regressor."""

    coefficients: Float64Array  # (d,)

    def predict(self, features: FloatArray) -> Float64Array:
        """Predict a target for each row, ``(B, d) -> (B,)``."""
        predicted: Float64Array = features @ self.coefficients
        return predicted


class LeastSquaresLearner(RegressionLearner):
    """Weighted least squares without an intercept; minimum norm if features are collinear."""

    name: ClassVar[str] = "least-squares"

    def fit(self, data: RegressionSet, seed: int) -> LinearPredictor:  # noqa: ARG002
        """Solve for the coefficients; nothing is random."""
        from scipy.linalg import lstsq  # slow to import: only where a run needs it

        root = np.sqrt(data.shares)
        solution = lstsq(root[:, None] * data.features, root * data.targets, cond=RANK_TOLERANCE)
        return LinearPredictor(solution[0])


class RidgeLearner(RegressionLearner):
    """Ridge regression without an intercept: mean squared error plus ``penalty · ‖β‖²``."""

    name: ClassVar[str] = "ridge"

    penalty: PositiveFloat = 0.1

    def fit(self, data: RegressionSet, seed: int) -> LinearPredictor:  # noqa: ARG002
        """Solve for the coefficients; nothing is random."""
        from sklearn.linear_model import Ridge  # slow to import: only where a run needs it

        model = Ridge(alpha=self.penalty, fit_intercept=False)
        return LinearPredictor(_fitted(model, data).coef_)


class LassoLearner(RegressionLearner):
    """Lasso without an intercept: half the mean squared error plus ``penalty · ‖β‖₁``."""

    name: ClassVar[str] = "lasso"

    penalty: PositiveFloat = 0.03

    def fit(self, data: RegressionSet, seed: int) -> LinearPredictor:  # noqa: ARG002
        """Solve for the coefficients by cyclic coordinate descent; nothing is random."""
        from sklearn.linear_model import Lasso  # slow to import: only where a run needs it

        # Tight enough that sets of equal moments give the same coefficients.
        model = Lasso(alpha=self.penalty, fit_intercept=False, tol=1e-10, max_iter=100_000)
        return LinearPredictor(_fitted(model, data).coef_)


@dataclass(frozen=True, eq=False)
class NetworkPredictor:
    """A trained neural network."""

    model: Any  # a fitted MLPRegressor

    def predict(self, features: FloatArray) -> Float64Array:
        """Predict a target for each row, ``(B, d) -> (B,)``."""
        predicted: Float64Array = self.model.predict(features)
        return predicted


class MLPLearner(RegressionLearner):
    """A neural network with one hidden layer (tanh) and biases, trained by L-BFGS.

    It minimises half the mean squared error plus half of ``penalty · ‖W‖²``, in full batches.
    """

    name: ClassVar[str] = "mlp"

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32,)
    penalty: PositiveFloat = 0.03
    iterations: PositiveInt = 1000  # maximum, of L-BFGS

    def fit(self, data: RegressionSet, seed: int) -> NetworkPredictor:
        """Train from random initial weights, drawn by the seed."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor  # slow to import

        model = MLPRegressor(
            hidden_layer_sizes=self.hidden_units,
            activation="tanh",
            solver="lbfgs",
            alpha=self.penalty,
            max_iter=self.iterations,
            random_state=seed % 2**32,
        )
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            return NetworkPredictor(_fitted(model, data))  # even if iterations run out


def _fitted(model: Any, data: RegressionSet) -> Any:
    """Fit a scikit-learn model to features and targets, with the shares as sample weights."""
    features = data.features.astype(np.float64)
    return model.fit(features, data.targets.astype(np.float64), sample_weight=data.shares)
