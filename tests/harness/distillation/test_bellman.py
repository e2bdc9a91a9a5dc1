from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import check_grad

from envs import Dataset
from harness import distill
from harness.distillation.bellman import MatchingObjective, sample_predictors
from harness.features import Standardiser
from harness.transitions import Transitions
from tests.arbitrary import random_transitions

DISCOUNT = 0.9


@pytest.fixture
def source() -> Transitions:
    return random_transitions(np.random.default_rng(0), 200)


def bellman_losses(
    transitions: Transitions,
    standardiser: Standardiser,
    predictors: NDArray[np.float64],
    terminated: bool,
) -> NDArray[np.float64]:
    """Losses straight from the definition: squared TD errors with an explicit maximum."""
    d = transitions.obs_dim
    rows = transitions.terminations == terminated
    states = (transitions.observations - standardiser.mean) / standardiser.scale
    following = (transitions.next_observations - standardiser.mean) / standardiser.scale
    losses = []
    for u in predictors:
        w, bias, c, reward_scale = u[:d], u[d], u[d + 1 : d + 1 + transitions.action_count], -u[-2]
        q = states @ w + bias + c[transitions.actions]
        best = np.max([following @ w + bias + value for value in c], axis=0)
        target = reward_scale * transitions.rewards + DISCOUNT * best * ~transitions.terminations
        losses.append(np.average((q - target)[rows] ** 2, weights=transitions.weights[rows]))
    return np.array(losses)


def build(source: Transitions, start: Transitions) -> MatchingObjective:
    return MatchingObjective.build(source, start, DISCOUNT, 7, np.random.default_rng(1))


def test_training_losses_are_mean_squared_td_errors(source: Transitions) -> None:
    objective = build(source, source)
    for group, terminated in enumerate((False, True)):
        expected = bellman_losses(source, objective.standardiser, objective.predictors, terminated)
        np.testing.assert_allclose(objective.losses[group], expected, rtol=1e-10)


def test_the_source_matches_itself(source: Transitions) -> None:
    objective = build(source, source)
    value, gradient = objective.value_and_gradient(objective.pack(source))
    assert value == pytest.approx(0, abs=1e-20)
    np.testing.assert_allclose(gradient, 0, atol=1e-10)


def test_the_gradient_is_that_of_the_value(source: Transitions) -> None:
    objective = build(source, source.take(np.arange(8)))
    start = objective.pack(source.take(np.arange(100, 108)))
    error = check_grad(
        lambda x: objective.value_and_gradient(x)[0],
        lambda x: objective.value_and_gradient(x)[1],
        start,
    )
    assert error < 1e-5 * np.linalg.norm(objective.value_and_gradient(start)[1])


def test_packing_is_undone_by_unpacking(source: Transitions) -> None:
    objective = build(source, source)
    unpacked = objective.unpack(objective.pack(source))
    np.testing.assert_allclose(unpacked.observations, source.observations, atol=1e-12)
    np.testing.assert_allclose(unpacked.next_observations, source.next_observations, atol=1e-12)
    np.testing.assert_allclose(unpacked.rewards, source.rewards, atol=1e-12)


def test_it_matches_predictors_that_it_has_not_seen(cartpole: Dataset) -> None:
    source = cartpole.transitions
    standardiser = Standardiser.fit(source)
    fresh = sample_predictors(source, 1.0, DISCOUNT, 200, np.random.default_rng(9))
    gaps = {}
    for method in ("bellman", "stratified", "random"):
        reduced = distill(source, method, size=100, seed=1, **_discount(method)).transitions
        goal = bellman_losses(source, standardiser, fresh, terminated=False)
        found = bellman_losses(reduced, standardiser, fresh, terminated=False)
        gaps[method] = float(np.median(np.abs(found / goal - 1)))
    assert gaps["bellman"] < 0.3 * min(gaps["stratified"], gaps["random"])
    assert gaps["bellman"] < 0.01


def _discount(method: str) -> dict[str, float]:
    return {"discount": DISCOUNT} if method == "bellman" else {}


def test_cells_keep_actions_and_shares(cartpole: Dataset) -> None:
    reduced = distill(cartpole.transitions, "bellman", size=60).transitions
    source = cartpole.transitions
    for action in range(2):
        for terminated in (False, True):
            share = source.shares[
                (source.actions == action) & (source.terminations == terminated)
            ].sum()
            held = reduced.shares[
                (reduced.actions == action) & (reduced.terminations == terminated)
            ].sum()
            assert held == pytest.approx(share, rel=1e-9)


def test_terminated_and_other_rows_keep_to_their_own_ranges(source: Transitions) -> None:
    shifted = replace(
        source, rewards=np.where(source.terminations, source.rewards + 100, source.rewards)
    )
    reduced = distill(shifted, "bellman", size=40).transitions
    assert reduced.rewards[reduced.terminations].min() > 90
    assert reduced.rewards[~reduced.terminations].max() < 10


def test_more_steps_do_not_end_worse(source: Transitions) -> None:
    found = [
        distill(source, "bellman", size=20, iterations=iterations).diagnostics
        for iterations in (1, 10, 500)
    ]
    losses = [diagnostics["loss_after"] for diagnostics in found]
    assert found[0]["loss_before"] > losses[0] > losses[1] > losses[2]
    assert losses[2] < 1e-3 * found[0]["loss_before"]
