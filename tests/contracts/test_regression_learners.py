"""The contract of every regression learner: a new one gets these tests by being listed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from envs.regression.datasets import Split, open_tabular, split
from harness.core.learner import RegressionLearner
from harness.core.regression_set import RegressionSet
from harness.learners.regressors import (
    LassoLearner,
    LeastSquaresLearner,
    LinearPredictor,
    MLPLearner,
    RidgeLearner,
)
from harness.tasks.builtin import REGRESSION_LEARNERS
from harness.testing import RegressionLearnerContract
from harness.testing.regression_learners import random_set

LINEAR = (LeastSquaresLearner(), RidgeLearner(), LassoLearner())


NAMES = [
    name for name, found in REGRESSION_LEARNERS.classes() if issubclass(found, RegressionLearner)
]


def make(name: str) -> RegressionLearner:
    made: RegressionLearner = REGRESSION_LEARNERS.make(name, {})
    return made


@pytest.fixture(params=sorted(NAMES))
def learner(request: pytest.FixtureRequest) -> RegressionLearner:
    return make(request.param)


class TestLinearLearners(RegressionLearnerContract):
    @pytest.fixture(params=sorted({*NAMES} - {"mlp"}))
    def learner(self, request: pytest.FixtureRequest) -> RegressionLearner:
        return make(request.param)


class TestNetworks(RegressionLearnerContract):
    subject = MLPLearner()
    tolerance = 1e-2


@pytest.fixture(scope="module")
def diabetes() -> Split:
    return split(open_tabular("regression/diabetes"), seed=0)


def coefficients(learner: RegressionLearner, data: RegressionSet) -> np.ndarray:
    predictor = learner.fit(data, 0)
    assert isinstance(predictor, LinearPredictor)
    return predictor.coefficients


def mean_squared_error(
    learner: RegressionLearner, train: RegressionSet, test: RegressionSet
) -> float:
    return float(np.mean((learner.fit(train, 0).predict(test.features) - test.targets) ** 2))


def test_it_does_better_than_the_mean_on_diabetes(
    learner: RegressionLearner, diabetes: Split
) -> None:
    variance = float(np.mean(diabetes.test.targets**2))
    assert mean_squared_error(learner, diabetes.train, diabetes.test) < 0.65 * variance


def test_it_does_better_than_the_mean_from_fifty_rows(
    learner: RegressionLearner, diabetes: Split
) -> None:
    few = diabetes.train.take(np.arange(50))
    assert mean_squared_error(learner, few, diabetes.test) < np.mean(diabetes.test.targets**2)


def test_an_unknown_parameter_is_refused(learner: RegressionLearner) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(learner).model_validate({"penalti": 1})


@pytest.mark.parametrize("penalised", [RidgeLearner, LassoLearner, MLPLearner])
def test_a_penalty_is_positive_and_fixed(penalised: type[RegressionLearner]) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        penalised.model_validate({"penalty": 0})
    with pytest.raises(ValidationError, match="frozen"):
        penalised().penalty = 2.0  # type: ignore[attr-defined]


@settings(max_examples=30, deadline=None)  # the first example imports scikit-learn
@given(rows=st.integers(6, 40), columns=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_least_squares_solves_the_normal_equations(rows: int, columns: int, seed: int) -> None:
    data = random_set(np.random.default_rng(seed), rows, columns)
    weighted = data.features * data.weights[:, None]
    expected = np.linalg.solve(weighted.T @ data.features, weighted.T @ data.targets)
    np.testing.assert_allclose(coefficients(LeastSquaresLearner(), data), expected, rtol=1e-6)


@settings(max_examples=30, deadline=None)  # the first example imports scikit-learn
@given(rows=st.integers(6, 40), columns=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_ridge_solves_the_shifted_normal_equations(rows: int, columns: int, seed: int) -> None:
    data = random_set(np.random.default_rng(seed), rows, columns)
    weighted = data.features * (data.weights / data.weights.sum())[:, None]
    shifted = weighted.T @ data.features + 0.25 * np.eye(columns)
    expected = np.linalg.solve(shifted, weighted.T @ data.targets)
    np.testing.assert_allclose(coefficients(RidgeLearner(penalty=0.25), data), expected, rtol=1e-6)


@settings(max_examples=30, deadline=None)  # the first example imports scikit-learn
@given(rows=st.integers(6, 40), columns=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_lasso_meets_its_optimality_conditions(rows: int, columns: int, seed: int) -> None:
    data = random_set(np.random.default_rng(seed), rows, columns)
    found = coefficients(LassoLearner(penalty=0.2), data)
    shares = data.weights / data.weights.sum()
    slope = data.features.T @ (shares * (data.targets - data.features @ found))
    held = found != 0
    np.testing.assert_allclose(slope[held], 0.2 * np.sign(found[held]), atol=1e-4)
    assert np.abs(slope).max() <= 0.2 + 1e-4


@pytest.mark.parametrize("linear", LINEAR, ids=lambda linear: linear.name)
def test_linear_learners_depend_on_second_moments_alone(linear: RegressionLearner) -> None:
    """The root of ``E[ζζᵀ]``, as ``q`` equal points, gives the same coefficients."""
    data = random_set(np.random.default_rng(6))
    joint = np.column_stack([data.features, data.targets])
    moments = (joint * (data.weights / data.weights.sum())[:, None]).T @ joint
    points = np.linalg.cholesky(moments).T * np.sqrt(len(moments))
    distilled = RegressionSet(points[:, :-1], points[:, -1], np.ones(len(points)))
    np.testing.assert_allclose(
        coefficients(linear, distilled),
        coefficients(linear, data),
        atol=1e-4 if linear.name == "lasso" else 1e-9,
    )


@pytest.mark.parametrize("linear", LINEAR, ids=lambda linear: linear.name)
def test_linear_learners_are_homogeneous(linear: RegressionLearner) -> None:
    data = random_set(np.random.default_rng(7))
    assert not linear.fit(data, 0).predict(np.zeros((4, 3))).any()


def test_least_squares_takes_the_least_norm_where_features_are_dependent() -> None:
    rng = np.random.default_rng(8)
    column = rng.normal(size=20)
    nearly = column + 1e-13 * rng.normal(size=20)  # equal but for what rounding leaves
    data = RegressionSet(np.column_stack([column, nearly, np.zeros(20)]), 3 * column, np.ones(20))
    np.testing.assert_allclose(coefficients(LeastSquaresLearner(), data), [1.5, 1.5, 0], atol=1e-10)


def test_the_network_bends_where_no_line_can_follow() -> None:
    grid = np.linspace(-2, 2, 60)[:, None]
    data = RegressionSet(grid, np.abs(grid[:, 0]) - 1, np.ones(60))
    variance = float(np.mean(data.targets**2))
    assert mean_squared_error(LeastSquaresLearner(), data, data) > 0.9 * variance
    assert mean_squared_error(MLPLearner(penalty=1e-3), data, data) < 0.1 * variance


def test_the_seed_starts_the_network() -> None:
    data = random_set(np.random.default_rng(9))
    first, second = (
        MLPLearner(iterations=3).fit(data, seed).predict(data.features) for seed in (0, 1)
    )
    assert np.abs(first - second).max() > 1e-3


def test_the_network_spends_no_more_than_its_iterations() -> None:
    data = random_set(np.random.default_rng(10))
    short, long = (
        mean_squared_error(MLPLearner(iterations=iterations), data, data)
        for iterations in (1, 1000)
    )
    assert long < short
