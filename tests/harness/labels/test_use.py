"""What a policy is worth to a teacher of all the data, against loops over states and by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher
from harness.labels.use import STATES, ActorJudge, Judge
from harness.testing.rows import random_transitions

seeds = st.integers(0, 10_000)


@dataclass(frozen=True)
class Linear:
    """Values and actions of any states."""

    weights: Float64Array  # (obs_dim, action_count)

    def values(self, observations: FloatArray) -> Float64Array:
        found: Float64Array = observations @ self.weights
        return found

    def act(self, observations: FloatArray) -> IntArray:
        best: IntArray = self.values(observations).argmax(axis=1)
        return best


@dataclass(frozen=True)
class Acts:
    """A policy that is a function."""

    rule: Callable[[FloatArray], Any]

    def act(self, observations: FloatArray) -> Any:
        return self.rule(observations)


def always(action: int) -> Acts:
    return Acts(lambda observations: np.full(len(observations), action))


def drawn(seed: int, rows: int = 40) -> tuple[Transitions, Linear]:
    rng = np.random.default_rng(seed)
    return random_transitions(rng, rows, action_count=3), Linear(rng.normal(size=(3, 3)))


def by_loop(data: Transitions, q: Linear, policy: Linear) -> tuple[float, float]:
    """Regret in median gaps and agreement, written out for data of at most STATES rows."""
    gaps, regret, same, whole = [], 0.0, 0.0, 0.0
    for state, weight in zip(data.observations, data.weights, strict=True):
        values = [
            float(sum(s * w for s, w in zip(state, q.weights[:, a], strict=True))) for a in range(3)
        ]
        taken = int(policy.act(state[None])[0])
        gaps.append(max(values) - min(values))
        regret += weight * (max(values) - values[taken])
        same += weight * (taken == int(np.argmax(values)))
        whole += weight
    return regret / whole / float(np.median(gaps)), same / whole


@given(seed=seeds)
def test_regret_and_agreement_are_weighted_means_over_states(seed: int) -> None:
    data, q = drawn(seed)
    policy = Linear(np.random.default_rng(seed + 1).normal(size=(3, 3)))
    found = Judge.of(FittedTeacher(q, 0.0), data).assess(policy)
    np.testing.assert_allclose((found.regret, found.agreement), by_loop(data, q, policy), rtol=1e-9)


@given(seed=seeds, scale=st.floats(1e-3, 1e3), level=st.floats(-100, 100))
def test_neither_the_unit_of_rewards_nor_their_level_counts(
    seed: int, scale: float, level: float
) -> None:
    data, q = drawn(seed)
    policy = Linear(np.random.default_rng(seed + 1).normal(size=(3, 3)))

    class Other(Linear):
        def values(self, observations: FloatArray) -> Float64Array:
            return scale * super().values(observations) + level

    found, other = (
        Judge.of(FittedTeacher(teacher, 0.0), data).assess(policy)
        for teacher in (q, Other(q.weights))
    )
    assert np.isclose(found.regret, other.regret, rtol=1e-6, atol=1e-9)


@given(seed=seeds, rows=st.integers(2, 60))
def test_the_teachers_own_policy_has_no_regret(seed: int, rows: int) -> None:
    data, q = drawn(seed, rows)
    data = replace(data, actions=np.arange(rows) % 3)  # never a single action
    found = Judge.of(FittedTeacher(q, 0.0), data).assess(q)
    assert (found.regret, found.agreement) == (0.0, 1.0)


def by_hand() -> tuple[Transitions, Linear]:
    """Values of (left, right): (0, 1), (0, -2) and (0, 4), weights 1, 2 and 1: median gap 2."""
    states = np.array([[1.0], [-2.0], [4.0]])
    data = Transitions(
        observations=states,
        actions=np.array([0, 1, 0]),
        rewards=np.array([0.0, 1.0, 0.0]),
        next_observations=states,
        terminations=np.array([False, False, True]),
        weights=np.array([1.0, 2.0, 1.0]),
        action_count=2,
    )
    return data, Linear(np.array([[0.0, 1.0]]))


@pytest.mark.parametrize(("action", "regret", "agreement"), [(0, 5 / 8, 0.5), (1, 0.5, 0.5)])
def test_constant_policies_by_hand(action: int, regret: float, agreement: float) -> None:
    data, q = by_hand()
    found = Judge.of(FittedTeacher(q, 0.0), data).assess(always(action))
    assert (found.regret, found.agreement) == (regret, agreement)


def test_an_action_as_good_as_the_teachers_own_is_agreed_on() -> None:
    data, _ = by_hand()
    q = Linear(np.array([[0.0, 1.0, 1.0]]))
    judge = Judge.of(FittedTeacher(q, 0.0), replace(data, action_count=3))
    assert judge.assess(always(2)) == judge.assess(always(1))


def test_large_datasets_are_judged_at_evenly_spaced_states() -> None:
    data, q = drawn(0, rows=STATES + 700)
    seen: list[FloatArray] = []

    def watch(observations: FloatArray) -> IntArray:
        seen.append(observations)
        return q.act(observations)

    Judge.of(FittedTeacher(q, 0.0), data).assess(Acts(watch))
    states = np.concatenate(seen)
    assert len(states) == STATES
    assert (states[[0, -1]] == data.observations[[0, -1]]).all()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda states: np.full(len(states), 3), "an integer of 0..2"),
        (lambda states: np.full(len(states), -1), "an integer of 0..2"),
        (lambda states: np.zeros(len(states)), "float64 of shape"),
        (lambda states: np.zeros((len(states), 1), dtype=int), r"shape \(40, 1\) for 40"),
        (lambda _: None, "the policy returned object"),
    ],
)
def test_a_policy_that_returns_no_actions_is_refused(rule: Any, message: str) -> None:
    data, q = drawn(0)
    judge = Judge.of(FittedTeacher(q, 0.0), data)
    with pytest.raises(InputError, match=message):
        judge.assess(Acts(rule))


def test_a_policy_cannot_change_the_states_that_others_are_judged_at() -> None:
    data, q = drawn(0)

    def spoil(observations: FloatArray) -> IntArray:
        observations[:] = 0
        return np.zeros(len(observations), dtype=int)

    judge = Judge.of(FittedTeacher(q, 0.0), data)
    judge.assess(Acts(spoil))
    assert judge.assess(q).regret == 0


def test_who_cannot_judge_is_refused() -> None:
    data, q = drawn(0)
    silent = replace(data, rewards=np.ones(len(data)), terminations=np.zeros(len(data), dtype=bool))
    with pytest.raises(InputError, match="nobody can judge policies: the dataset holds no signal"):
        Judge.of(FittedTeacher(q, 0.0), silent)
    with pytest.raises(InputError, match="rows have 1 action, 1,"):
        Judge.of(FittedTeacher(q, 0.0), replace(data, actions=np.ones_like(data.actions)))
    with pytest.raises(InputError, match="no action better than another"):
        Judge.of(FittedTeacher(Linear(np.ones((3, 3))), 0.0), data)
    with pytest.raises(InputError, match=r"error of 1\.20 of the variance"):
        Judge.of(FittedTeacher(q, 0.0, {"left_out_error": 1.2}), data)


@dataclass(frozen=True)
class Steering:
    """The best torques are linear in a state, and others are worth their squared distance less."""

    matrix: Float64Array  # (obs_dim, action_dim)

    def act(self, observations: FloatArray) -> Float64Array:
        torques: Float64Array = observations @ self.matrix
        return torques

    def value_of(self, observations: FloatArray, actions: FloatArray) -> Float64Array:
        lost: Float64Array = ((actions - self.act(observations)) ** 2).sum(axis=1)
        return 5.0 - lost


def steered(seed: int) -> tuple[Transitions, Steering]:
    rng = np.random.default_rng(seed)
    data = random_transitions(rng, 40)
    torques = replace(data, actions=rng.normal(size=(40, 2)), action_count=0)
    return torques, Steering(rng.normal(size=(3, 2)))


@given(seed=seeds)
def test_regret_of_continuous_actions_is_a_weighted_mean_in_median_gaps(seed: int) -> None:
    data, actor = steered(seed)
    matrix = np.random.default_rng(seed + 1).normal(size=(3, 2))
    best = data.observations @ actor.matrix
    taken = ((best - data.actions) ** 2).sum(axis=1)
    lost = ((best - data.observations @ matrix) ** 2).sum(axis=1)
    judge = ActorJudge.of(FittedTeacher(actor, 0.0), data)
    by_hand = [np.average(one, weights=data.weights) / np.median(taken) for one in (lost, taken)]
    found = [judge.assess(Steering(matrix)), judge.of_recorded]
    np.testing.assert_allclose(found, by_hand, rtol=1e-9)
    assert judge.assess(actor) == 0


@pytest.mark.parametrize(
    "rule",
    [
        lambda states: np.zeros(len(states)),
        lambda states: np.zeros((len(states), 3)),
        lambda states: np.full((len(states), 2), np.nan),
        lambda _: None,
    ],
)
def test_a_policy_that_returns_no_vectors_is_refused(rule: Any) -> None:
    data, actor = steered(0)
    with pytest.raises(InputError, match="act returns a vector of 2 finite numbers for each"):
        ActorJudge.of(FittedTeacher(actor, 0.0), data).assess(Acts(rule))


def test_an_actor_that_its_data_refute_cannot_judge() -> None:
    data, actor = steered(0)
    with pytest.raises(InputError, match=r"error of 1\.20 of the variance"):
        ActorJudge.of(FittedTeacher(actor, 0.0, {"bellman_error": 1.2}), data)
