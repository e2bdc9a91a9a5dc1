from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import approx_fprime

from baselines.random import RandomReducer
from harness.core.arrays import FloatArray
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet
from harness.distillation.exact_regression import ExactRegression
from harness.distillation.loss_matching import LossGap, LossMatching, match_losses
from harness.distillation.sampled_regressors import sample_regressors
from harness.distillation.solvers.reservoir import Reservoir
from harness.numerics.certificates.regression import regression_certificate, regression_moments
from harness.testing.rows import random_regression
from tests.support.regressions import equally_weighted, losses

Float64Array = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def wine_shaped(rows: int = 1279) -> RegressionSet:
    """Eleven standardised, correlated, skewed features and an integer target from 3 to 8."""
    draw = rng(5)
    features = np.exp(0.5 * draw.normal(size=(rows, 11)) @ draw.normal(size=(11, 11)) / 3)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    signal = features @ draw.normal(size=11) / 8 + draw.normal(size=rows) / 2
    return equally_weighted(features, np.clip(np.round(5.6 + signal), 3, 8))


def coefficients(data: RegressionSet) -> FloatArray:
    """Homogeneous least squares."""
    root = np.sqrt(data.weights)
    solved = np.linalg.lstsq(root[:, None] * data.features, root * data.targets, rcond=None)
    return np.asarray(solved[0])


@given(seed=seeds, columns=st.integers(1, 6), spare=st.integers(0, 20))
def test_exact_keeps_the_loss_of_every_regressor(seed: int, columns: int, spare: int) -> None:
    data = random_regression(rng(seed), 60, columns)
    reduced = ExactRegression().reduce(data, columns + 1 + spare, rng(seed))
    regressors = rng(seed + 1).normal(size=(50, columns + 1))
    np.testing.assert_allclose(losses(reduced, regressors), losses(data, regressors), rtol=1e-10)


@given(seed=seeds, columns=st.integers(1, 6), spare=st.integers(0, 20))
def test_exact_with_intercept_keeps_the_mean_as_well(seed: int, columns: int, spare: int) -> None:
    data = random_regression(rng(seed), 60, columns)
    reduced = ExactRegression(intercept=True).reduce(data, columns + 2 + spare, rng(seed))
    regressors = rng(seed + 1).normal(size=(50, columns + 2))
    np.testing.assert_allclose(
        losses(with_ones(reduced.rows), regressors), losses(with_ones(data), regressors), rtol=1e-10
    )


def with_ones(data: RegressionSet) -> RegressionSet:
    ones = np.ones((len(data), 1))
    return RegressionSet(np.hstack([ones, data.features]), data.targets, data.weights)


@pytest.mark.parametrize("size", [12, 13, 50])
def test_exact_gives_the_least_squares_coefficients_of_the_data(size: int) -> None:
    data = wine_shaped()
    reduced = ExactRegression().reduce(data, size, rng())
    regressors = sample_regressors(2000, 12, rng(1))
    expected = coefficients(data)
    found = coefficients(reduced.rows)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(losses(reduced, regressors), losses(data, regressors), rtol=1e-12)
    assert (reduced.weights == 1).all()


@pytest.mark.parametrize("intercept", [False, True])
def test_larger_sets_stay_nearer_to_real_rows(intercept: bool) -> None:
    data = wine_shaped()
    reducer = ExactRegression(intercept=intercept)
    moved = [reducer.reduce(data, size, rng()).diagnostics["movement"] for size in (20, 100, 1000)]
    assert moved[0] > moved[1] > moved[2]
    everything = reducer.reduce(data, len(data), rng())
    rows = np.column_stack([everything.features, everything.targets])
    source = np.column_stack([data.features, data.targets])
    np.testing.assert_allclose(
        rows[np.lexsort(rows.round(6).T)], source[np.lexsort(source.round(6).T)], atol=1e-9
    )


@pytest.mark.parametrize(("intercept", "spared"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("size", [1, 4, 11])
def test_below_the_rank_the_gap_is_the_next_eigenvalue(
    size: int, intercept: bool, spared: int
) -> None:
    data = wine_shaped()
    reduced = ExactRegression(intercept=intercept).reduce(data, size, rng())
    rows = np.column_stack([data.features, data.targets])
    matrix = np.cov(rows.T, bias=True) if intercept else rows.T @ rows / len(rows)
    values = np.sort(np.linalg.eigvalsh(matrix))[::-1]
    assert reduced.diagnostics["worst_gap"] == pytest.approx(values[size - spared], rel=1e-9)


@pytest.mark.parametrize("intercept", [False, True])
def test_collinear_and_constant_columns_count_once(intercept: bool) -> None:
    base = wine_shaped()
    features = np.column_stack(
        [base.features, base.features[:, 0] - 3 * base.features[:, 1], np.full(len(base), 0.3)]
    )
    data = equally_weighted(features, base.targets)
    # Eleven columns and the target; a constant is one more for a set that need not keep the mean.
    reduced = ExactRegression(intercept=intercept).reduce(data, 13, rng())
    assert reduced.diagnostics["rank"] == (12 if intercept else 13)
    regressors = sample_regressors(100, 14, rng(1))
    np.testing.assert_allclose(losses(reduced, regressors), losses(data, regressors), rtol=1e-11)
    np.testing.assert_allclose(
        reduced.features[:, 11], reduced.features[:, 0] - 3 * reduced.features[:, 1], atol=1e-11
    )
    if intercept:
        np.testing.assert_allclose(reduced.features[:, 12], 0.3, rtol=1e-14)


def test_more_columns_than_rows_work() -> None:
    data = random_regression(rng(), 6, columns=9)
    for intercept in (False, True):
        reduced = ExactRegression(intercept=intercept).reduce(data, 6, rng())
        regressors = rng(1).normal(size=(50, 10))
        np.testing.assert_allclose(losses(reduced, regressors), losses(data, regressors), rtol=1e-9)


@pytest.mark.parametrize("reducer", [ExactRegression(), ExactRegression(intercept=True)])
def test_one_row_stays_where_it_is(reducer: ExactRegression) -> None:
    data = random_regression(rng(), 1)
    reduced = reducer.reduce(data, 1, rng())
    # A homogeneous loss cannot tell a point from its mirror image; the nearer one is meant.
    np.testing.assert_allclose(reduced.features, data.features)
    np.testing.assert_allclose(reduced.targets, data.targets)


def test_columns_of_any_unit_work() -> None:
    base = wine_shaped()
    units = np.logspace(-9, 9, 11)
    data = equally_weighted(base.features * units, base.targets * 1e5)
    reduced = ExactRegression().reduce(data, 20, rng())
    certificate = regression_certificate(regression_moments(data), regression_moments(reduced.rows))
    assert certificate.relative_gap < 1e-12


def test_columns_far_from_zero_keep_their_covariance() -> None:
    base = wine_shaped()
    data = equally_weighted(base.features + 1e6, base.targets)
    reduced = ExactRegression(intercept=True).reduce(data, 20, rng())
    np.testing.assert_allclose(
        regression_moments(reduced.rows).covariance, regression_moments(data).covariance, atol=1e-9
    )


@pytest.mark.parametrize("intercept", [False, True])
def test_a_zero_set_gives_a_zero_set(intercept: bool) -> None:
    data = equally_weighted(np.zeros((9, 2)), np.zeros(9))
    reduced = ExactRegression(intercept=intercept).reduce(data, 4, rng())
    assert not reduced.features.any()
    assert not reduced.targets.any()


def test_a_reservoir_draws_in_proportion_to_weight() -> None:
    """Sequential draws without replacement: the first is in proportion, and rows are distinct."""
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    data = RegressionSet(np.arange(4.0)[:, None], np.zeros(4), weights)
    draw, trials = rng(), 20_000
    counts = np.zeros((4, 4))
    for _ in range(trials):
        reservoir = Reservoir(2, draw)
        reservoir.offer(data)
        first, second = reservoir.rows[:, 0].astype(int)
        counts[first, second] += 1
    shares = weights / 10
    expected = np.outer(shares, shares) / (1 - shares)[:, None] * (1 - np.eye(4))
    error = np.sqrt(expected * (1 - expected) / trials)
    assert (np.abs(counts / trials - expected) <= 5 * error).all()


def gap_objective(seed: int = 0) -> tuple[LossGap, RegressionSet, Float64Array]:
    data = random_regression(rng(seed), 40, columns=3)
    regressors = sample_regressors(7, 4, rng(seed + 1))
    return LossGap.build(regression_moments(data).second_moment, regressors), data, regressors


def test_the_objective_is_the_mean_squared_loss_difference() -> None:
    objective, data, regressors = gap_objective()
    other = equally_weighted(rng(3).normal(size=(5, 3)), rng(4).normal(size=5))
    points: Float64Array = np.column_stack([other.features, other.targets]).astype(float)
    value, _ = objective.value_and_gradient(points.ravel())
    expected = np.mean((losses(other, regressors) - losses(data, regressors)) ** 2)
    assert value == pytest.approx(expected, rel=1e-12)


def test_the_gradient_is_that_of_the_value() -> None:
    objective, _, _ = gap_objective()
    packed: Float64Array = rng(2).normal(size=20)
    numeric = approx_fprime(packed, lambda x: objective.value_and_gradient(x)[0], 1e-7)
    np.testing.assert_allclose(objective.value_and_gradient(packed)[1], numeric, rtol=1e-4)


def test_a_search_stays_in_its_box_and_goes_down() -> None:
    objective, _, _ = gap_objective()
    start = rng(2).uniform(-1, 1, size=(6, 4))
    low, high = -np.ones(4), np.array([1.0, 2.0, 3.0, 1.0])
    found = match_losses(objective, start, (low, high), 100, 0.0)
    assert (found.points >= low).all()
    assert (found.points <= high).all()
    assert found.after == pytest.approx(objective.value_and_gradient(found.points.ravel())[0])
    assert found.before == pytest.approx(objective.value_and_gradient(start.ravel())[0])
    assert found.after < found.before


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_matching_works_in_any_unit(unit: float) -> None:
    """Neither a tiny nor a large target leaves the others unmatched."""
    base = wine_shaped()
    data = equally_weighted(base.features, base.targets * unit)
    reduced = LossMatching(predictors=200).reduce(data, 50, rng())
    assert reduced.diagnostics["loss_after"] < 1e-6 * reduced.diagnostics["loss_before"]
    expected = coefficients(data)
    found = coefficients(reduced.rows)
    np.testing.assert_allclose(found / unit, expected / unit, atol=1e-2)


def test_matching_keeps_to_the_range_and_to_constants() -> None:
    base = wine_shaped(200)
    data = equally_weighted(np.column_stack([base.features, np.full(200, 0.1)]), base.targets)
    reduced = LossMatching().reduce(data, 20, rng())
    assert (reduced.features >= data.features.min(axis=0)).all()
    assert (reduced.features <= data.features.max(axis=0)).all()
    assert (reduced.features[:, -1] == 0.1).all()
    assert reduced.targets.min() >= 3
    assert reduced.targets.max() <= 8


def test_matching_holds_for_fresh_regressors_once_they_are_determined() -> None:
    """From q(q + 1)/2 = 78 regressors on, matched losses fix all others; below they do not."""
    data = wine_shaped()
    fresh = sample_regressors(500, 12, rng(9))
    goal = losses(data, fresh)

    def worst(reducer: Reducer[RegressionSet]) -> float:
        reduced = reducer.reduce(data, 100, rng())
        return float(np.max(np.abs(losses(reduced, fresh) / goal - 1)))

    enough = worst(LossMatching(predictors=120))
    assert enough < 1e-2 * worst(RandomReducer())
    assert enough < 1e-2 * worst(LossMatching(predictors=30))


@pytest.mark.parametrize("method", [ExactRegression, LossMatching])
def test_no_row_of_the_source_changes_with_the_points(
    method: Callable[[], ExactRegression | LossMatching],
) -> None:
    data = random_regression(rng(), 30)
    before = data.content_hash()
    reduced = method().reduce(data, 30, rng())
    assert not np.shares_memory(reduced.features, data.features)
    assert data.content_hash() == before
