"""Regression learners: what turns a regression set into a predictor.

The linear learners are homogeneous, ``f(x) = βᵀx`` without an intercept, as the paper's are: they
expect features and targets about zero. Penalties are relative to the weighted mean loss, so that
neither the number of rows nor the unit of the weights changes what is learned, and were chosen on
scikit-learn's diabetes data alone. Nothing is tuned on the data that a learner is given.
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
    """Homogeneous weighted least squares, of least norm where the features are dependent."""

    name: ClassVar[str] = "least-squares"

    def fit(self, data: RegressionSet, seed: int) -> LinearPredictor:  # noqa: ARG002
        """Solve for the coefficients; nothing is random."""
        from scipy.linalg import lstsq  # slow to import: only where a run needs it

        root = np.sqrt(data.shares)
        solution = lstsq(root[:, None] * data.features, root * data.targets, cond=RANK_TOLERANCE)
        return LinearPredictor(solution[0])


class RidgeLearner(RegressionLearner):
    """Homogeneous ridge regression: mean squared error plus ``penalty · ‖β‖²``."""

    name: ClassVar[str] = "ridge"

    penalty: PositiveFloat = 0.1

    def fit(self, data: RegressionSet, seed: int) -> LinearPredictor:  # noqa: ARG002
        """Solve for the coefficients; nothing is random."""
        from sklearn.linear_model import Ridge  # slow to import: only where a run needs it

        model = Ridge(alpha=self.penalty, fit_intercept=False)
        return LinearPredictor(_fitted(model, data).coef_)


class LassoLearner(RegressionLearner):
    """Homogeneous lasso: half the mean squared error plus ``penalty · ‖β‖₁``."""

    name: ClassVar[str] = "lasso"

    penalty: PositiveFloat = 0.03

    def fit(self, data: RegressionSet, seed: int) -> LinearPredictor:  # noqa: ARG002
        """Descend to the coefficients in cyclic order; nothing is random."""
        from sklearn.linear_model import Lasso  # slow to import: only where a run needs it

        # Fine enough that sets of equal moments give the same coefficients.
        model = Lasso(alpha=self.penalty, fit_intercept=False, tol=1e-10, max_iter=100_000)
        return LinearPredictor(_fitted(model, data).coef_)


@dataclass(frozen=True, eq=False)
class NetworkPredictor:
    """A trained network."""

    model: Any  # a fitted MLPRegressor

    def predict(self, features: FloatArray) -> Float64Array:
        """Predict a target for each row, ``(B, d) -> (B,)``."""
        predicted: Float64Array = self.model.predict(features)
        return predicted


class MLPLearner(RegressionLearner):
    """A network of two layers, one of them hidden (tanh), with biases.

    It minimises half the mean squared error plus half of ``penalty · ‖W‖²``, on all rows at once.
    """

    name: ClassVar[str] = "mlp"

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32,)
    penalty: PositiveFloat = 0.03
    iterations: PositiveInt = 1000  # of L-BFGS, at most

    def fit(self, data: RegressionSet, seed: int) -> NetworkPredictor:
        """Train from the random weights that the seed gives."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor  # slow to import: only where needed

        model = MLPRegressor(
            hidden_layer_sizes=self.hidden_units,
            activation="tanh",
            solver="lbfgs",
            alpha=self.penalty,
            max_iter=self.iterations,
            random_state=seed % 2**32,
        )
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            return NetworkPredictor(_fitted(model, data))  # a spent budget is a result too


def _fitted(model: Any, data: RegressionSet) -> Any:
    """Fit one of scikit-learn's models to features, targets and shares of weight."""
    features = data.features.astype(np.float64)
    return model.fit(features, data.targets.astype(np.float64), sample_weight=data.shares)
