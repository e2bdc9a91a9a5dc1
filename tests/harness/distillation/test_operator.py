from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime, nnls

from envs.dataset import Dataset
from harness import distill
from harness.core.arrays import Float64Array
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.distillation.operator import OperatorDistiller, find_neighbours
from harness.distillation.solvers import operator_loss as operator_matching
from harness.distillation.solvers.operator_loss import OperatorTarget, Template
from harness.numerics.features import draw_features
from harness.numerics.predictors import LinearPredictors, sample_linear
from harness.numerics.standardising import Standardised, StandardRows
from harness.numerics.stratification import cell_labels, draw_stratified
from harness.testing.rows import random_transitions

pytestmark = pytest.mark.slow

DISCOUNT, RIDGE = 0.9, 0.05
ADVANTAGE = 0.1


def quick(transitions: Transitions, size: int, features: str = "relu") -> Transitions:
    small: dict[str, Any] = {"maps": 2, "feature_count": 16, "predictors": 3, "steps": 20}
    return distill(transitions, "operator", size=size, features=features, **small).transitions


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in runs: oneMKL's threaded factorisation has failed in long test processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def source() -> Transitions:
    return random_transitions(np.random.default_rng(0), 200)


@pytest.fixture
def points() -> Transitions:
    return random_transitions(np.random.default_rng(1), 12)


@pytest.fixture(params=["relu", "fourier"])
def predictors(request: pytest.FixtureRequest) -> list[LinearPredictors]:
    rng = np.random.default_rng(2)
    return [
        sample_linear(draw_features(request.param, 3, 6, rng), 2, "product", 4, rng)
        for _ in range(3)
    ]


def fitted_values(
    predictors: LinearPredictors, rows: StandardRows, shares: Float64Array, states: Float64Array
) -> Float64Array:
    """Apply the fitted Bellman operator by least squares on penalty rows, ``(n, A, k)``."""
    best = predictors.values(rows.next_states).max(axis=2)
    targets = rows.rewards[:, None] + DISCOUNT * (1 - rows.terminated)[:, None] * best
    features, width = predictors.features(rows.states), predictors.features.width
    values = []
    for action in range(2):
        mine = rows.actions == action
        root = np.sqrt(shares[mine])[:, None]
        penalty = np.sqrt(RIDGE * shares[mine].sum()) * np.eye(width)
        design = np.vstack([root * features[mine], penalty])
        goal = np.vstack([root * targets[mine], np.zeros((width, targets.shape[1]))])
        values.append(predictors.features(states) @ np.linalg.lstsq(design, goal, rcond=None)[0])
    return np.stack(values, axis=1)


def expected_loss(
    predictors: list[LinearPredictors], data: Standardised, points: Transitions
) -> float:
    """The objective from its definition, state by state."""
    errors = []
    for each in predictors:
        states = data.rows.states
        full = fitted_values(each, data.rows, data.shares, states)
        found = fitted_values(each, data.rows_of(points), points.shares, states)
        mean, found_mean = full.mean(axis=1), found.mean(axis=1)
        advantage, found_advantage = full - mean[:, None], found - found_mean[:, None]
        level = data.shares @ mean
        value_error = data.shares @ (found_mean - mean) ** 2
        advantage_error = data.shares @ ((found_advantage - advantage) ** 2).mean(axis=1)
        errors.append(
            value_error / (data.shares @ (mean - level) ** 2)
            + ADVANTAGE * advantage_error / (data.shares @ (advantage**2).mean(axis=1))
        )
    return float(np.mean(errors))


def matching(
    predictors: list[LinearPredictors], data: Standardised, points: Transitions
) -> tuple[OperatorTarget, Template]:
    target = OperatorTarget.of(data.rows, data.shares, predictors, DISCOUNT, RIDGE)
    return target, Template.of(data.rows_of(points), points.shares, points.action_count)


def test_the_loss_is_the_error_of_the_fitted_operator(
    predictors: list[LinearPredictors],
    source: Transitions,
    points: Transitions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operator_matching, "ROWS", 64)  # rows are added up some at a time
    data = Standardised.of(source)
    target, template = matching(predictors, data, points)
    expected = expected_loss(predictors, data, points)
    assert target.score(data.points_of(points), template) == pytest.approx(expected, rel=1e-7)
    itself, whole = matching(predictors, data, source)
    assert itself.score(data.points, whole) < 1e-18


def test_the_gradient_is_that_of_finite_differences(
    predictors: list[LinearPredictors], source: Transitions, points: Transitions
) -> None:
    data = Standardised.of(source)
    target, template = matching(predictors, data, points)
    start = data.points_of(points)
    moved = torch.from_numpy(start).requires_grad_()
    target.loss(moved, template).backward()  # type: ignore[no-untyped-call]
    assert moved.grad is not None
    numeric = approx_fprime(
        start.ravel(), lambda x: target.score(x.reshape(start.shape), template), 1e-7
    )
    np.testing.assert_allclose(moved.grad.numpy().ravel(), numeric, atol=1e-5, rtol=1e-4)


def test_what_follows_a_terminated_row_does_not_count(
    predictors: list[LinearPredictors], source: Transitions, points: Transitions
) -> None:
    data = Standardised.of(source)
    target, template = matching(predictors, data, points)
    elsewhere = data.points_of(points)
    elsewhere[points.terminations, 3:6] += 7
    assert target.score(elsewhere, template) == target.score(data.points_of(points), template)


def test_operators_of_predictors_never_matched_come_closer(cartpole: Dataset) -> None:
    found = distill(cartpole.transitions, "operator", size=100, seed=1).diagnostics
    assert found["loss_after"] < 0.3 * found["loss_before"]
    assert found["fresh_after"] < 0.5 * found["fresh_before"]
    assert len(found["loss_trace"]) == found["steps"] + 1
    assert found["loss_after"] == pytest.approx(min(found["loss_trace"]), rel=1e-9)


def test_points_are_convex_combinations_of_neighbours_in_their_cell(source: Transitions) -> None:
    distiller = OperatorDistiller(maps=2, feature_count=16, predictors=3, neighbours=9, steps=30)
    reduced = distiller.reduce(source, 20, np.random.default_rng(5)).transitions
    data = Standardised.of(source)
    rows, weights = draw_stratified(source, 20, 0.1, np.random.default_rng(5))
    np.testing.assert_array_equal(reduced.weights, weights)
    np.testing.assert_array_equal(cell_labels(reduced), cell_labels(source)[rows])
    candidates, _ = find_neighbours(source, data.points, rows, 9)
    found, start = data.points_of(reduced), data.points[rows]
    assert np.abs(found - start).max() > 0.1
    for point, mine in zip(found, candidates, strict=True):
        shares, residual = nnls(np.vstack([mine.T, np.ones(9)]), np.append(point, 1.0))
        assert residual < 1e-9
        assert shares.sum() == pytest.approx(1)


def test_neighbours_are_the_nearest_rows_of_the_cell(source: Transitions) -> None:
    data, labels = Standardised.of(source), cell_labels(source)
    rows = np.array([0, 3, 77])
    candidates, logits = find_neighbours(source, data.points, rows, 5)
    np.testing.assert_allclose(np.exp(logits), np.tile([0.5, *[0.125] * 4], (3, 1)))
    for row, mine in zip(rows, candidates, strict=True):
        cell = data.points[labels == labels[row]]
        order = np.argsort(np.linalg.norm(cell - data.points[row], axis=1))[:5]
        np.testing.assert_array_equal(mine, cell[order])


def test_a_cell_of_one_row_keeps_that_row(source: Transitions) -> None:
    lone = np.flatnonzero(cell_labels(source) == 3)[0]
    kept = np.append(np.flatnonzero(cell_labels(source) != 3), lone)
    reduced = quick(source.take(kept), 10)
    mine = cell_labels(reduced) == 3
    assert mine.sum() == 1
    np.testing.assert_allclose(reduced.observations[mine][0], source.observations[lone])
    np.testing.assert_allclose(reduced.next_observations[mine][0], source.next_observations[lone])
    np.testing.assert_allclose(reduced.rewards[mine], source.rewards[lone])


@pytest.mark.parametrize("action_count", [1, 4])
def test_actions_without_a_choice_or_without_rows_are_no_obstacle(action_count: int) -> None:
    source = random_transitions(np.random.default_rng(0), 80, action_count=min(action_count, 2))
    reduced = quick(replace(source, action_count=action_count), 10)
    assert set(reduced.actions) == set(source.actions)


def test_a_column_that_never_changes_is_kept(source: Transitions) -> None:
    constant = replace(source, rewards=np.full(200, -1.0))
    np.testing.assert_allclose(quick(constant, 20).rewards, -1.0, rtol=1e-12)


def test_threads_are_given_back_and_change_nothing(source: Transitions) -> None:
    threads = torch.get_num_threads()
    alone = quick(source, 20)
    torch.set_num_threads(threads + 1)
    try:
        again = quick(source, 20)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
    assert again.content_hash() == alone.content_hash()


def test_unknown_features_are_refused(source: Transitions) -> None:
    with pytest.raises(InputError, match=r"unknown features 'relus'.*did you mean 'relu'"):
        quick(source, 20, features="relus")


def test_values_beyond_the_largest_number_are_refused(source: Transitions) -> None:
    huge = replace(source, next_observations=1e20 * source.next_observations)
    with np.errstate(all="ignore"), pytest.raises(InputError, match="must be finite; "):
        quick(huge, 20)


def test_losses_beyond_the_largest_number_are_refused(
    predictors: list[LinearPredictors], source: Transitions
) -> None:
    data = Standardised.of(source)
    target, template = matching(predictors, data, source)
    with pytest.raises(InputError, match=r"a loss of (inf|nan): losses must be finite"):
        operator_matching.match_operator(
            target, 1e200 * data.points[:, None], np.zeros((200, 1)), template, steps=1
        )
