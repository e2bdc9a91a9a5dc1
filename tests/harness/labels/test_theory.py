"""What shaped and advantage labels keep of a problem, against value iteration and plain sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.arrays import FloatArray
from harness.core.transitions import Transitions
from harness.labels.advantage import ActionValueLabels, AdvantageLabels
from harness.labels.base import FittedTeacher
from harness.labels.shaped import ShapedLabels
from harness.testing.rows import random_transitions

Array = NDArray[np.float64]
seeds = st.integers(0, 10_000)
discounts = st.floats(0.0, 0.99)


@dataclass(frozen=True)
class Table:
    """A Q-function of states that are numbers: (S, A) values."""

    table: Array

    def values(self, observations: FloatArray) -> Array:
        found: Array = self.table[observations[:, 0].astype(int)]
        return found


@dataclass(frozen=True)
class Quadratic:
    """A Q-function of any states, with curvature."""

    weights: Array  # (obs_dim, action_count)

    def values(self, observations: FloatArray) -> Array:
        found: Array = observations @ self.weights + (observations**2).sum(axis=1)[:, None]
        return found


def bellman_loss(values: Array, then: Array, data: Transitions, discount: float) -> float:
    """Weighted mean of (f(s, a) - r - γ (1 - b) max f(s', ·))², written out."""
    taken = values[np.arange(len(data)), data.actions]
    targets = data.rewards + discount * ~data.terminations * then.max(axis=1)
    return float(data.shares @ (taken - targets) ** 2)


@given(seed=seeds, discount=discounts)
def test_the_loss_around_the_potential_is_that_of_the_recorded_rows(
    seed: int, discount: float
) -> None:
    """L_shaped(κ (f - V)) = κ² L(f) for any f (method.md §7)."""
    rng = np.random.default_rng(seed)
    data = random_transitions(rng, 24, action_count=3)
    teacher = Quadratic(rng.normal(size=(3, 3)))
    labels = ShapedLabels().make(FittedTeacher(teacher, 0.1), data, discount)
    shaped, scale = labels(data), labels.diagnostics["label_scale"]
    f, other = Quadratic(rng.normal(size=(3, 3))), rng.normal(size=3)
    now, then = (
        np.sin(f.values(states)) + other for states in (data.observations, data.next_observations)
    )
    potential = teacher.values(data.observations).max(axis=1, keepdims=True)
    later = teacher.values(data.next_observations).max(axis=1, keepdims=True)
    moved = bellman_loss(scale * (now - potential), scale * (then - later), shaped, discount)
    assert np.isclose(moved, scale**2 * bellman_loss(now, then, data, discount), rtol=1e-12)


@given(seed=seeds, discount=st.floats(0.0, 0.95))
def test_shaping_keeps_the_optimal_policies_of_tabular_problems(seed: int, discount: float) -> None:
    rng = np.random.default_rng(seed)
    problem = tabular_problem(rng, states=6, actions=3)
    labels = ShapedLabels().make(
        FittedTeacher(Table(rng.normal(size=(6, 3))), 0.1), problem, discount
    )
    before, after = (iterate_values(data, discount) for data in (problem, labels(problem)))
    gap_before, gap_after = (q.max(axis=1, keepdims=True) - q for q in (before, after))
    scale = labels.diagnostics["label_scale"]
    np.testing.assert_allclose(gap_after, scale * gap_before, atol=1e-6 * scale)


@given(seed=seeds, every=st.booleans())
def test_whoever_fits_advantage_labels_exactly_acts_as_the_teacher(seed: int, every: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = tabular_problem(rng, states=6, actions=3)
    teacher = Table(rng.normal(size=(6, 3)))
    labels = AdvantageLabels(actions="all" if every else "recorded")
    labelled = labels.make(FittedTeacher(teacher, 0.1), problem, 0.9)(problem)
    assert labelled.terminations.all()
    solved = iterate_values(labelled, 0.9)
    np.testing.assert_array_equal(solved.argmax(axis=1), teacher.table.argmax(axis=1))


@given(seed=seeds)
def test_the_median_gap_is_the_one_asked_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = random_transitions(rng, 40, action_count=3)
    teacher = FittedTeacher(Quadratic(rng.normal(size=(3, 3))), 0.1)
    labelled = AdvantageLabels(gap=7.0, actions="all").make(teacher, data, 0.9)(data)
    gaps = np.ptp(labelled.rewards.reshape(40, 3), axis=1)
    assert np.isclose(np.median(gaps), 7.0)
    np.testing.assert_allclose(labelled.rewards.reshape(40, 3).mean(axis=1), 0.0, atol=1e-9)


@given(seed=seeds)
def test_action_values_are_advantages_with_their_level(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data, q = random_transitions(rng, 20), Quadratic(rng.normal(size=(3, 2)))
    teacher = FittedTeacher(q, 0.1)
    relabel = ActionValueLabels(actions="all").make(teacher, data, 0.9)
    scale = AdvantageLabels().make(teacher, data, 0.9).diagnostics["label_scale"]
    labelled = relabel(data)
    values = scale * q.values(data.observations)
    np.testing.assert_allclose(labelled.rewards.reshape(20, 2), values, rtol=1e-12)
    assert labelled.terminations.all()


def test_every_action_shares_the_weight_of_its_row() -> None:
    data = random_transitions(np.random.default_rng(0), 10)
    teacher = FittedTeacher(Quadratic(np.eye(3)[:, :2]), 0.1)
    labelled = AdvantageLabels(actions="all").make(teacher, data, 0.9)(data)
    np.testing.assert_allclose(labelled.weights.reshape(10, 2).sum(axis=1), data.weights)
    assert labelled.actions.tolist() == [0, 1] * 10


def tabular_problem(rng: np.random.Generator, states: int, actions: int) -> Transitions:
    """Each action of each state once, deterministic, with a few that terminate."""
    state = np.repeat(np.arange(states), actions)
    rows = len(state)
    return Transitions(
        observations=state[:, None].astype(np.float64),
        actions=np.tile(np.arange(actions), states),
        rewards=rng.normal(size=rows),
        next_observations=rng.integers(0, states, size=(rows, 1)).astype(np.float64),
        terminations=rng.random(rows) < 0.2,
        weights=np.ones(rows),
        action_count=actions,
    )


def iterate_values(data: Transitions, discount: float) -> Array:
    """Value iteration from zero, ``(S, A)``."""
    states = int(data.observations.max()) + 1
    q = np.zeros((states, data.action_count))
    now, then = (rows[:, 0].astype(int) for rows in (data.observations, data.next_observations))
    for _ in range(600):
        targets = data.rewards + discount * ~data.terminations * q[then].max(axis=1)
        q = np.zeros_like(q)
        q[now, data.actions] = targets
    return q
