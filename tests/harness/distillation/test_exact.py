from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.catalogue import embedded_dataset_ids
from envs.loading import load_dataset
from harness.core.arrays import FloatArray
from harness.core.errors import InputError
from harness.core.parts import reduce_in_parts
from harness.core.reduction import Reduction, reduction_stream
from harness.core.transitions import Transitions
from harness.distillation.exact import ExactDistiller
from harness.numerics.cell_moments import CellMoments
from harness.numerics.certificates.bellman import certify_bellman
from harness.numerics.standardising import Standardiser
from harness.numerics.stratification import cell_labels
from harness.testing.rows import random_transitions
from tests.support.bellman import Predictors, bellman_losses
from tests.support.parts import Split

seeds = st.integers(0, 2**32 - 1)
discounts = st.floats(0, 0.999)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def reduce(
    data: Transitions, size: int, discount: float = 0.99, seed: int = 0
) -> Reduction[Transitions]:
    return ExactDistiller(discount=discount).reduce(data, size, rng(seed))


def relative_gaps(
    data: Transitions, reduced: Transitions, discount: float, count: int = 50
) -> FloatArray:
    predictors, standardiser = Predictors.draw(count, data, rng(9)), Standardiser.fit(data)
    goal = bellman_losses(predictors, data, standardiser, discount)
    found = bellman_losses(predictors, reduced, standardiser, discount)
    return np.abs(found - goal) / goal


@given(
    seed=seeds,
    actions=st.integers(1, 3),
    obs_dim=st.integers(1, 3),
    spare=st.integers(0, 20),
    discount=discounts,
    other=discounts,
)
@settings(max_examples=40, deadline=None)
def test_every_predictor_keeps_its_loss_at_every_discount(
    seed: int, actions: int, obs_dim: int, spare: int, discount: float, other: float
) -> None:
    data = random_transitions(rng(seed), 150, obs_dim, actions)
    enough = actions * (2 * obs_dim + 2) + actions * (obs_dim + 2)
    reduction = reduce(data, enough + spare, discount, seed)
    assert reduction.diagnostics["points_needed_any_discount"] == enough
    assert relative_gaps(data, reduction.transitions, other).max() < 1e-10
    assert reduction.diagnostics["worst_gap"] < 1e-12


@given(seed=seeds, actions=st.integers(1, 3), obs_dim=st.integers(1, 3), discount=discounts)
@settings(max_examples=40, deadline=None)
def test_fewer_points_are_enough_for_one_discount(
    seed: int, actions: int, obs_dim: int, discount: float
) -> None:
    data = random_transitions(rng(seed), 150, obs_dim, actions)
    enough = 2 * actions * (obs_dim + 2)
    reduction = reduce(data, enough, discount, seed)
    assert reduction.diagnostics["points_needed"] == enough
    assert relative_gaps(data, reduction.transitions, discount).max() < 1e-10
    less = reduce(data, enough - 1, discount, seed)
    assert relative_gaps(data, less.transitions, discount).max() > 1e-6


@given(seed=seeds, size=st.integers(36, 100))
@settings(max_examples=20, deadline=None)
def test_cells_keep_weight_mean_and_covariance(seed: int, size: int) -> None:
    data = random_transitions(rng(seed), 300, 3, 2)
    reduced = reduce(data, size, seed=seed).transitions
    assert len(reduced) == size
    expected, found = CellMoments.of(data), CellMoments.of(reduced)
    np.testing.assert_allclose(
        found.weights / found.weights.sum(), expected.weights / expected.weights.sum()
    )
    for cell, (goal, got) in enumerate(zip(expected.cells, found.cells, strict=True)):
        assert goal is not None
        assert got is not None
        np.testing.assert_allclose(got.mean, goal.mean, atol=1e-12)
        if found.counts[cell] > 7:
            np.testing.assert_allclose(got.covariance, goal.covariance, atol=1e-12)
        weights = reduced.weights[cell_labels(reduced) == cell]
        assert weights.min() == weights.max()


def test_below_that_number_the_gap_shrinks_with_every_few_points() -> None:
    data = random_transitions(rng(), 400, 4, 2)
    gaps = [reduce(data, size).diagnostics["worst_gap"] for size in range(4, 25, 4)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-2] > 1e-6 > gaps[-1]


@pytest.mark.parametrize("size", [1, 3, 10, 20])
def test_the_certificate_is_in_the_diagnostics(size: int) -> None:
    data = random_transitions(rng(), 200)
    reduction = reduce(data, size, 0.9)
    expected = certify_bellman(data, reduction.transitions, 0.9).worst_gap
    assert reduction.diagnostics["worst_gap"] == pytest.approx(expected, rel=1e-9, abs=1e-13)


def test_few_points_are_the_best_of_their_number() -> None:
    """One cell, so that the loss sees one covariance: the gap is its largest dropped eigenvalue."""
    data = random_transitions(rng(), 400, 4, 1)
    data = data.take(np.flatnonzero(~data.terminations))
    standardiser = Standardiser.fit(data)
    seen = np.column_stack(
        [
            standardiser.apply(data.observations)
            - 0.9 * standardiser.apply(data.next_observations),
            data.rewards,
        ]
    )
    values = np.linalg.eigvalsh(np.cov(seen.T, aweights=data.weights, ddof=0))[::-1]
    for size in range(1, 6):
        gap = reduce(data, size, 0.9).diagnostics["worst_gap"]
        assert gap == pytest.approx(values[size - 1], rel=1e-9)


def test_a_cell_of_few_rows_keeps_them_and_their_weights() -> None:
    data = random_transitions(rng(), 200, 2, 2)
    rare = np.flatnonzero(cell_labels(data) == 3)[3:]
    data = data.take(np.setdiff1d(np.arange(200), rare))
    reduced = reduce(data, 60).transitions
    kept, source = cell_labels(reduced) == 3, cell_labels(data) == 3
    order = np.argsort(reduced.rewards[kept])
    expected = np.argsort(data.rewards[source])
    np.testing.assert_array_equal(
        reduced.observations[kept][order], data.observations[source][expected]
    )
    weights = reduced.weights[kept][order] / data.weights[source][expected]
    np.testing.assert_allclose(weights, weights[0])
    assert relative_gaps(data, reduced, 0.9).max() < 1e-10


def test_all_rows_are_the_data() -> None:
    data = random_transitions(rng(), 60)
    reduction = reduce(data, 60)
    assert {*reduction.transitions.rewards} == {*data.rewards}
    assert reduction.diagnostics["movement"] == 0
    assert reduction.diagnostics["outside_box"] == 0


def test_larger_sets_stay_nearer_to_real_rows() -> None:
    data = random_transitions(rng(), 5000, 4, 2)
    moved = [reduce(data, size).diagnostics["movement"] for size in (40, 200, 1000)]
    assert moved[0] > moved[1] > moved[2]


def test_how_far_points_leave_the_box_is_told() -> None:
    data = random_transitions(rng(), 3000, 4, 2)
    data = replace(data, rewards=np.where(rng(1).random(3000) < 0.01, 1.0, 0.0))
    reduction = reduce(data, 40)
    z, points = (
        np.column_stack([one.observations, one.next_observations, one.rewards])
        for one in (data, reduction.transitions)
    )
    low, high = z.min(axis=0), z.max(axis=0)
    excess = np.maximum(points - high, low - points) / (high - low)
    assert excess.max() > 0
    assert reduction.diagnostics["outside_box"] == pytest.approx(excess.max())


def test_constant_columns_stay_constant_and_need_no_points() -> None:
    data = random_transitions(rng(), 300, 3, 2)
    observations = data.observations.copy()
    observations[:, 1] = 0.3
    data = replace(data, observations=observations, rewards=np.where(data.terminations, 0.1, -0.7))
    reduction = reduce(data, 40)
    assert reduction.diagnostics["points_needed_any_discount"] == 2 * (5 + 1) + 2 * (2 + 1)
    reduced = reduction.transitions
    assert set(reduced.observations[:, 1]) == {0.3}
    np.testing.assert_array_equal(reduced.rewards, np.where(reduced.terminations, 0.1, -0.7))
    assert relative_gaps(data, reduced, 0.9).max() < 1e-10


@pytest.mark.parametrize("size", [1, 2, 5, 30])
def test_missing_actions_and_terminations_are_no_obstacle(size: int) -> None:
    data = random_transitions(rng(), 200, 2, 3)
    data = data.take(np.flatnonzero((data.actions != 1) & ~data.terminations))
    reduced = reduce(data, size).transitions
    assert len(reduced) == size
    assert reduced.action_count == 3
    assert not reduced.terminations.any()
    assert not (reduced.actions == 1).any()


def test_rows_that_are_all_the_same_need_one_point_a_cell() -> None:
    data = random_transitions(rng(), 4, 2, 2)
    data = data.take(np.repeat(np.arange(4), 20))
    reduction = reduce(data, 4)
    assert reduction.diagnostics["points_needed_any_discount"] == 4
    assert relative_gaps(data, reduction.transitions, 0.9).max() < 1e-12


@given(seed=seeds, chunk=st.integers(1, 300), size=st.integers(1, 80))
@settings(max_examples=30, deadline=None)
def test_a_stream_gives_the_same_set(seed: int, chunk: int, size: int) -> None:
    data = random_transitions(rng(seed), 300, 2, 2)
    (of_part,) = reduction_stream(ExactDistiller(), size, seed).spawn(1)
    whole = ExactDistiller().reduce(data, size, of_part)
    streamed = reduce_in_parts(ExactDistiller(), Split(data, chunk=chunk), size, seed)
    assert streamed.method == whole.method
    assert streamed.parameters == whole.parameters
    assert streamed.source_indices is None
    np.testing.assert_array_equal(streamed.transitions.actions, whole.transitions.actions)
    for name in ("observations", "next_observations", "rewards", "weights"):
        np.testing.assert_allclose(
            getattr(streamed.transitions, name), getattr(whole.transitions, name), atol=1e-6
        )


def test_a_size_that_a_stream_cannot_give_is_refused() -> None:
    parts = Split(random_transitions(rng(), 60), [40])
    with pytest.raises(InputError, match=r"size 61: .*between 1 and the dataset's 60"):
        reduce_in_parts(ExactDistiller(), parts, 61, 0)


@pytest.mark.parametrize("dataset_id", [i for i in embedded_dataset_ids() if "classic/" in i])
def test_100_points_are_exact_on_every_classic_dataset(dataset_id: str) -> None:
    data = load_dataset(dataset_id, "kmeans-5" if "pendulum" in dataset_id else None)
    predictors, standardiser = Predictors.draw(1000, data, rng(9)), Standardiser.fit(data)
    goal = bellman_losses(predictors, data, standardiser, 0.99)
    needed = int(reduce(data, 100).diagnostics["points_needed"])
    for size in (needed, 100):
        reduced = reduce(data, size).transitions
        found = bellman_losses(predictors, reduced, standardiser, 0.99)
        assert (np.abs(found - goal) / goal).max() <= 1e-10
    assert reduced.terminations.any() == data.terminations.any()
    if dataset_id in ("classic/acrobot/random-v0", "classic/mountaincar/random-v0"):
        assert not data.terminations.any()
