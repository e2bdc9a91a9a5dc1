from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.arrays import Float64Array, FloatArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.numerics.cell_moments import CellMoments, accumulate_cells
from harness.numerics.certificates.bellman import (
    BellmanCertificate,
    bellman_certificate,
    bellman_moments,
    certify_bellman,
)
from harness.numerics.features import additive_rows
from harness.numerics.standardising import Standardiser
from harness.testing.rows import random_transitions
from tests.support.bellman import Predictors, bellman_losses

seeds = st.integers(0, 2**32 - 1)
discounts = st.floats(0, 0.999)


def pair(seed: int, actions: int, obs_dim: int = 2) -> tuple[Transitions, Transitions]:
    rng = np.random.default_rng(seed)
    return (
        random_transitions(rng, 60, obs_dim, actions),
        random_transitions(rng, 4 * actions, obs_dim, actions),
    )


def gaps(packed: Float64Array, full: Transitions, reduced: Transitions, g: float) -> FloatArray:
    """Loss gaps of predictors ``(w, c, λ)`` a row, from second moments of the Bellman rows."""
    standardiser = Standardiser.fit(full)
    difference = second_moment(full, standardiser, g) - second_moment(reduced, standardiser, g)
    c = packed[:, full.obs_dim + 1 : -1]
    u = np.column_stack([packed[:, :-1], -packed[:, -1], -g * c.max(axis=1)])
    seen: FloatArray = np.abs(np.sum((u @ difference) * u, axis=1))
    return seen


def second_moment(data: Transitions, standardiser: Standardiser, discount: float) -> Float64Array:
    rows = additive_rows(data, standardiser, discount)
    return np.asarray((rows.T * data.shares) @ rows)


def sampled(count: int, full: Transitions, rng: np.random.Generator) -> Float64Array:
    packed = rng.normal(size=(count, full.obs_dim + full.action_count + 2))
    return np.asarray(packed / np.maximum(np.linalg.norm(packed, axis=1, keepdims=True), 1))


@given(seed=seeds, actions=st.integers(1, 4), discount=discounts)
@settings(max_examples=20, deadline=None)
def test_no_predictor_sees_more_and_one_sees_as_much(
    seed: int, actions: int, discount: float
) -> None:
    full, reduced = pair(seed, actions)
    certificate = certify_bellman(full, reduced, discount)
    tries = sampled(10_000, full, np.random.default_rng(seed))
    found = gaps(tries, full, reduced, discount)
    assert found.max() <= certificate.worst_gap * (1 + 1e-9)
    assert certificate.worst_gap <= certificate.bound * (1 + 1e-9)

    assert np.linalg.norm(certificate.predictor) == pytest.approx(1)
    worst = Predictors.unpack(certificate.predictor[None], full)
    standardiser = Standardiser.fit(full)
    losses = [bellman_losses(worst, data, standardiser, discount) for data in (full, reduced)]
    assert abs(losses[0] - losses[1])[0] == pytest.approx(certificate.worst_gap, rel=1e-9)


@given(seed=seeds, actions=st.integers(1, 4), discount=discounts)
@settings(max_examples=20, deadline=None)
def test_no_predictor_sees_a_larger_relative_gap(seed: int, actions: int, discount: float) -> None:
    full, reduced = pair(seed, actions)
    certificate = certify_bellman(full, reduced, discount)
    predictors = Predictors.draw(200, full, np.random.default_rng(seed))
    standardiser = Standardiser.fit(full)
    goal = bellman_losses(predictors, full, standardiser, discount)
    found = bellman_losses(predictors, reduced, standardiser, discount)
    assert (np.abs(goal - found) / goal).max() <= certificate.relative_bound * (1 + 1e-6)


@given(seed=seeds, actions=st.integers(1, 2), discount=discounts)
def test_with_two_actions_the_bound_is_attained(seed: int, actions: int, discount: float) -> None:
    certificate = certify_bellman(*pair(seed, actions), discount)
    assert certificate.worst_gap == pytest.approx(certificate.bound, rel=1e-9)


def ascended(full: Transitions, reduced: Transitions, discount: float) -> float:
    """Largest gap that projected ascents from many random starts find: an independent search."""
    best = 0.0
    rng = np.random.default_rng(0)
    goal, found = (
        second_moment(data, Standardiser.fit(full), discount) for data in (full, reduced)
    )
    for sign in (1.0, -1.0):
        points = sampled(200, full, rng)
        for _ in range(400):
            c = points[:, full.obs_dim + 1 : -1]
            top = c.argmax(axis=1)
            u = np.column_stack([points[:, :-1], -points[:, -1], -discount * c.max(axis=1)])
            pull = sign * (u @ (goal - found))
            step = np.column_stack([pull[:, :-2], -pull[:, -2]])
            step[np.arange(len(step)), full.obs_dim + 1 + top] -= discount * pull[:, -1]
            points = points + 0.1 * step
            points /= np.linalg.norm(points, axis=1, keepdims=True)
        best = max(best, gaps(points, full, reduced, discount).max())
    return best


@pytest.mark.parametrize("actions", [3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_an_independent_search_finds_no_more(seed: int, actions: int) -> None:
    full, reduced = pair(seed, actions)
    certificate = certify_bellman(full, reduced, 0.9)
    found = ascended(full, reduced, 0.9)
    assert found <= certificate.worst_gap * (1 + 1e-9)
    assert found >= 0.9 * certificate.worst_gap


def test_with_more_actions_the_bound_may_be_out_of_reach() -> None:
    certificate = certify_bellman(*pair(126, 5, obs_dim=1), 0.99)
    assert 0.9 * certificate.bound < certificate.worst_gap < 0.999 * certificate.bound


def test_a_set_has_no_gap_to_itself() -> None:
    full, _ = pair(0, 3)
    certificate = certify_bellman(full, full, 0.99)
    assert certificate.bound == 0
    assert certificate.worst_gap == 0
    assert certificate.relative_bound == 0
    assert np.linalg.norm(certificate.predictor) == 1


def test_many_actions_are_no_burden() -> None:
    full, reduced = pair(0, 30, obs_dim=1)
    certificate = certify_bellman(full, reduced, 0.9)
    tries = sampled(10_000, full, np.random.default_rng(0))
    assert gaps(tries, full, reduced, 0.9).max() <= certificate.worst_gap <= certificate.bound


@given(seed=seeds, discount=discounts)
def test_moments_of_bellman_rows_need_no_rows(seed: int, discount: float) -> None:
    full, reduced = pair(seed, 3)
    standardiser = Standardiser.fit(full)
    found = bellman_moments(CellMoments.of(reduced), standardiser, discount)
    np.testing.assert_allclose(
        found, second_moment(reduced, standardiser, discount), rtol=1e-9, atol=1e-12
    )


def test_a_stream_gives_the_same_certificate() -> None:
    full, reduced = pair(0, 3)
    chunks = [full.take(rows) for rows in np.array_split(np.arange(len(full)), 7)]
    streamed = bellman_certificate(
        accumulate_cells(map(CellMoments.of, chunks)), CellMoments.of(reduced), 0.9
    )
    whole = certify_bellman(full, reduced, 0.9)
    assert values(streamed) == pytest.approx(values(whole), rel=1e-9)


def values(certificate: BellmanCertificate) -> list[float]:
    return [certificate.bound, certificate.worst_gap, certificate.relative_bound]


def test_constant_columns_do_no_harm() -> None:
    full, reduced = pair(0, 2)
    full = replace(full, observations=full.observations * [1, 0] + 0.1)
    certificate = certify_bellman(full, reduced, 0.9)
    assert certificate.worst_gap == pytest.approx(certificate.bound)
    assert certificate.bound < 1e3


def test_other_environments_and_discounts_are_refused() -> None:
    full, reduced = pair(0, 2)
    with pytest.raises(InputError, match="one environment"):
        certify_bellman(full, pair(0, 3)[1], 0.9)
    with pytest.raises(InputError, match="one environment"):
        certify_bellman(full, pair(0, 2, obs_dim=3)[1], 0.9)
    for discount in (1.0, -0.1, float("nan")):
        with pytest.raises(InputError, match=r"discount .*\[0, 1\)"):
            certify_bellman(full, reduced, discount)
