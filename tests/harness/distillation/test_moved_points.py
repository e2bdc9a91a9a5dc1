"""Points placed freely: their rewards are the data's, their places near it, and they teach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from harness import distill
from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.distillation.moved_points import MovedPoints
from harness.distillation.pilot_selection import make_exam, scale_of
from harness.distillation.solvers.interpolation import Interpolation
from harness.distillation.solvers.kernel_regret import KernelRegret
from harness.numerics.kernels import network_kernel
from harness.numerics.q_networks.layers import Shape
from harness.numerics.q_networks.pilots import draw_pilots, examine, regressed
from harness.numerics.q_networks.steps import cosine_rates
from harness.testing.rows import bandit
from tests.support.ring import ring


def worth_of(places: FloatArray, actions: IntArray) -> FloatArray:
    """What `ring` pays for an action anywhere: half its gap of 100 times a cosine."""
    angle = np.arctan2(places[:, 1], places[:, 0])
    paid: FloatArray = 50 * np.cos(angle - 2 * np.pi / 3 * actions)
    return paid


def lost_by_networks(rows: Transitions, data: Transitions) -> float:
    """Regret of networks that took no part in anything, at states that nobody saw."""
    shape, exam = Shape.of(2, (64, 64), 3), make_exam(ring(300, seed=9), 1000)
    pilots = draw_pilots(shape, 4, np.random.default_rng(99))
    paid = rows.rewards / scale_of(data.rewards)
    packed = regressed(rows.observations, rows.actions, paid)
    return examine(pilots, shape, packed, cosine_rates(5e-3, 300, np.arange(300)), exam, np.inf)


def test_networks_learn_more_from_moved_points_than_from_rows() -> None:
    data = ring(400)
    moved = [distill(data, "moved-points", size=6, seed=seed) for seed in range(4)]
    random = [distill(data, "stratified", size=6, seed=seed) for seed in range(4)]
    ours, theirs = (
        float(np.mean([lost_by_networks(made.transitions, data) for made in each]))
        for each in (moved, random)
    )
    assert ours < 0.6 * theirs
    for made in moved:
        assert made.diagnostics["kernel_regret"] < 0.5 * made.diagnostics["kernel_regret_at_start"]


def test_points_are_paid_what_the_data_pay_where_they_are() -> None:
    everywhere = ring(900)
    radius = np.linalg.norm(everywhere.observations, axis=1)
    data = everywhere.take(np.flatnonzero((radius > 0.5) & (radius < 1.5)))  # sectors meet at 0
    made = distill(data, "moved-points", size=12)
    rows = made.transitions
    assert made.source_indices is None
    assert made.diagnostics["moved"] > 0.1
    known = worth_of(rows.observations, rows.actions)
    assert np.sqrt(np.mean((rows.rewards - known) ** 2)) < 0.1 * np.sqrt(np.mean(known**2))
    assert rows.terminations.all()
    np.testing.assert_array_equal(rows.weights, 1)


def test_points_stay_near_the_data() -> None:
    """On a circle in space, whose inside is in the data's range and far from the data."""
    data = ring(400)
    angle = np.arctan2(data.observations[:, 1], data.observations[:, 0])
    circle = np.column_stack([np.cos(angle), np.sin(angle), np.ones_like(angle)])
    data = replace(data, observations=circle, next_observations=circle)
    made = distill(data, "moved-points", size=12, neighbours=30)
    assert made.diagnostics["moved"] > 0.1
    places = made.transitions.observations
    np.testing.assert_allclose(np.linalg.norm(places[:, :2], axis=1), 1, atol=0.05)
    np.testing.assert_array_equal(places[:, 2], 1)


def test_the_scale_of_rewards_moves_nothing() -> None:
    data = ring(100)
    plain, scaled = (
        distill(rows, "moved-points", size=6, rounds=1, iterations=5).transitions
        for rows in (data, replace(data, rewards=256 * data.rewards))
    )
    np.testing.assert_allclose(scaled.observations, plain.observations, atol=1e-6)
    np.testing.assert_allclose(scaled.rewards, 256 * plain.rewards, rtol=1e-4, atol=1e-2)


def test_where_no_action_is_better_nothing_moves() -> None:
    data = ring(20)
    made = distill(replace(data, rewards=np.zeros(60)), "moved-points", size=4)
    assert made.diagnostics == {"kernel_regret": 0, "kernel_regret_at_start": 0, "moved": 0}
    nearest, _ = cKDTree(data.observations).query(made.transitions.observations)
    np.testing.assert_allclose(nearest, 0, atol=1e-12)


def test_one_column_and_one_state_are_no_obstacle() -> None:
    made = distill(bandit([1.0, -1.0, 1.0, -1.0], [1.0, 1.0, 1.0, 1.0]), "moved-points", size=2)
    np.testing.assert_array_equal(made.transitions.observations, 1)
    np.testing.assert_allclose(sorted(made.transitions.rewards), [-1, 1], atol=1e-5)


def test_more_points_than_can_be_moved_are_refused() -> None:
    with pytest.raises(InputError, match=r"size 1001: .* at most 1000 rows; lower the size, or"):
        distill(ring(400), MovedPoints(), size=1001)


def test_regret_is_that_of_regression_for_each_action_apart() -> None:
    """The oracle solves every regression anew, and differences stand in for derivatives."""
    rng = np.random.default_rng(0)
    states, worth = rng.normal(size=(40, 2)), rng.normal(size=(40, 3))
    points, rewards, actions = rng.normal(size=(7, 2)), rng.normal(size=7), np.arange(7) % 2
    noise = 0.05 * network_kernel(states, states).diagonal().mean()

    def values(points: Float64Array, rewards: Float64Array) -> Float64Array:
        found = np.zeros((40, 3))  # nobody tells of the third action
        for action in (0, 1):
            mine = actions == action
            kernel = network_kernel(points[mine], points[mine]) + noise * np.eye(mine.sum())
            across = network_kernel(states, points[mine])
            found[:, action] = across @ np.linalg.solve(kernel, rewards[mine])
        return found

    gap = np.ptp(worth, axis=1).mean()
    losses = (worth.max(axis=1, keepdims=True) - worth) / gap

    def smooth(points: Float64Array, rewards: Float64Array) -> float:
        chances = np.exp(values(points, rewards) / (0.3 * gap))
        return float(((chances / chances.sum(axis=1, keepdims=True)) * losses).sum() / 40)

    regret = KernelRegret(states, worth, actions, 0.05, 0.3)
    best = values(points, rewards).argmax(axis=1)
    assert regret.greedy(points, rewards) == pytest.approx(losses[np.arange(40), best].mean())
    lost = regret.evaluate(points, rewards)
    assert lost.regret == pytest.approx(smooth(points, rewards))
    for _ in range(5):
        # the kernel of a state and itself is right to 1e-8
        along, paid = 1e-4 * rng.normal(size=points.shape), 1e-4 * rng.normal(size=7)
        change = smooth(points + along, rewards + paid) - smooth(points - along, rewards - paid)
        expected = float((lost.by_points * along).sum() + lost.by_rewards @ paid)
        assert change / 2 == pytest.approx(expected, rel=1e-3, abs=1e-8)


def test_interpolation_meets_the_rows_and_knows_its_slopes() -> None:
    rng = np.random.default_rng(0)
    states, actions = rng.normal(size=(60, 2)), np.arange(60) % 2
    rewards = np.where(actions == 0, np.sin(states[:, 0]), states[:, 1])
    found = Interpolation.fit(states, actions, rewards, 3, 100, rng)
    table = found.table(states)
    np.testing.assert_allclose(table[np.arange(60), actions], rewards, atol=1e-3)
    np.testing.assert_array_equal(table[:, 2], 0)
    elsewhere = 0.5 * rng.normal(size=(5, 2))
    paid, slopes = found.slopes(elsewhere, np.array([0, 1, 0, 1, 0]))
    np.testing.assert_allclose(paid[::2], np.sin(elsewhere[::2, 0]), atol=0.02)
    np.testing.assert_allclose(slopes[1::2], np.tile([0.0, 1.0], (2, 1)), atol=0.1)
    assert len(Interpolation.fit(states, actions, rewards, 3, 10, rng).of_action[0].weights) == 10
