"""The contract of every learner: a new one gets these tests by being listed in tasks/builtin.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.learner import ActorCritic, Learner
from harness.core.transitions import Transitions
from harness.labels.base import QFunction
from harness.tasks.builtin import LEARNERS
from harness.testing import LearnerContract
from harness.testing.learners import final_actions, rows_taken
from harness.testing.rows import bandit, random_transitions

pytestmark = pytest.mark.slow

DEEP: dict[str, Any] = {"steps": 300, "checkpoints": 3, "learning_rate": 3e-3}
SHORT: dict[str, dict[str, Any]] = {
    "dqn": DEEP,
    "fqi": DEEP | {"target_interval": 25},
    "ensemble-dqn": DEEP | {"critics": 2},
    "cql": DEEP | {"conservatism": 1e-3},
    "bcq": DEEP | {"action_flexibility": 0.05},
    "bc": DEEP,
    "bc-continuous": DEEP,
    "td3+bc": DEEP | {"target_rate": 0.05},
    "iql": DEEP | {"target_rate": 0.05},
    "cql-continuous": DEEP | {"target_rate": 0.05, "conservatism": 1e-3},
    "linear-fqi": {"iterations": 200},
    "teacher": {"teacher": {"name": "closed-form", "parameters": {"iterations": 200}}},
}
CLOSED_FORM: dict[str, dict[str, Any]] = {
    "linear-fqi": {"ridge": 1e-4},
    "teacher": {"teacher": {"name": "closed-form", "parameters": {"ridge": 1e-4}}},
}
LONG: dict[str, Any] = {"steps": 600, "checkpoints": 1}
PATIENT = {name: CLOSED_FORM.get(name, LONG) for name in SHORT}
INDIFFERENT = {"cql": {"conservatism": 0.0}, "ensemble-dqn": {"weight_decay": 0.0}}
IMITATORS = {"bc", "bc-continuous"}
# Their actors stay between two actions, and bootstrap from what no row has done there.
ACTORS = {"td3+bc", "cql-continuous"}
THRIFTY = {"linear-fqi": [200], "teacher": [0]}  # one checkpoint, counted so
SEEDLESS = {"teacher"}  # has a seed of its own


NAMES = [name for name, found in LEARNERS.classes() if issubclass(found, Learner)]


def make(name: str, **parameters: Any) -> Learner:
    made: Learner = LEARNERS.make(name, SHORT[name] | parameters, discount=0.9)
    return made


@pytest.fixture(params=sorted(NAMES))
def learner(request: pytest.FixtureRequest) -> Learner:
    return make(request.param)


@pytest.fixture(params=sorted({*NAMES} - IMITATORS))
def value_learner(request: pytest.FixtureRequest) -> Learner:
    return make(request.param)


class TestValueLearners(LearnerContract):
    @pytest.fixture(params=sorted({*NAMES} - IMITATORS))
    def learner(self, request: pytest.FixtureRequest) -> Learner:
        return make(request.param)


class TestImitators(LearnerContract):
    learns_values = False

    @pytest.fixture(params=sorted(IMITATORS))
    def learner(self, request: pytest.FixtureRequest) -> Learner:
        return make(request.param)


def chain() -> Transitions:
    """Five states in a row: action 1 leads to the end and its reward, action 0 back."""
    place = np.repeat(np.arange(5), 2)
    actions = np.tile([0, 1], 5)
    following = np.clip(place + 2 * actions - 1, 0, 4)
    return Transitions(
        observations=np.eye(5)[place],
        actions=actions,
        rewards=1.0 * ((place == 4) & (actions == 1)),
        next_observations=np.eye(5)[following],
        terminations=(place == 4) & (actions == 1),
        weights=np.ones(10),
        action_count=2,
    )


def test_it_yields_every_checkpoint(learner: Learner) -> None:
    transitions = rows_taken(learner, random_transitions(np.random.default_rng(0), 30))
    trained = list(learner.fit(transitions, 0))
    steps = THRIFTY.get(learner.name, [100, 200, 300])
    assert [checkpoint.step for checkpoint in trained] == steps


def test_it_looks_ahead(value_learner: Learner) -> None:
    """Only the last state pays: all others must learn its worth through bootstrapping."""
    patient = make(value_learner.name, **PATIENT[value_learner.name])
    assert final_actions(patient, chain(), np.eye(5)) == [1] * 5


@pytest.mark.parametrize("name", ["dqn", "fqi", "ensemble-dqn", "cql", "linear-fqi"])
def test_its_values_are_in_units_of_the_rewards(name: str) -> None:
    learner = make(name, **PATIENT[name]).model_copy(update=INDIFFERENT.get(name, {}))
    *_, last = learner.fit(bandit([1.0, 2.0], [1, 1]), 0)
    assert isinstance(last.policy, QFunction)
    np.testing.assert_allclose(last.policy.values(np.ones((1, 1))), [[1.0, 2.0]], rtol=0.1)


@pytest.mark.parametrize("name", ["td3+bc", "iql", "cql-continuous"])
def test_its_critics_values_are_in_units_of_the_rewards(name: str) -> None:
    *_, last = make(name, **LONG).fit(rows_taken(make(name), bandit([1.0, 2.0], [1, 1])), 0)
    assert isinstance(last.policy, ActorCritic)
    values = last.policy.value_of(np.ones((2, 1)), np.array([[-1.0], [1.0]]))
    np.testing.assert_allclose(values, [1.0, 2.0], rtol=0.2)


@pytest.mark.parametrize("name", ["bc", "bcq"])
def test_who_is_greedy_for_no_values_offers_none(name: str) -> None:
    trained = next(iter(make(name).fit(bandit([1.0, 2.0], [1, 1]), 0)))
    assert not isinstance(trained.policy, QFunction)


@pytest.mark.parametrize("name", sorted(ACTORS))
@pytest.mark.parametrize(("ends", "worth"), [(True, 1.0), (False, 10.0)])
def test_terminations_stop_a_critics_bootstrapping(name: str, ends: bool, worth: float) -> None:
    """Every row takes the same action, so that the actor has no other to bootstrap from."""
    data = replace(bandit([1.0], [1]), terminations=np.full(1, ends))
    patient = make(name, **LONG, target_rate=0.2)
    *_, last = patient.fit(rows_taken(patient, data), 0)
    assert isinstance(last.policy, ActorCritic)
    found = last.policy.value_of(np.ones((1, 1)), np.array([[-1.0]]))
    np.testing.assert_allclose(found, worth, rtol=0.3)


@pytest.mark.parametrize("name", sorted({*NAMES} - IMITATORS - ACTORS))
def test_terminations_stop_bootstrapping(name: str) -> None:
    """Action 1 ends with reward 1; action 0 goes on for ever with 0.2, worth 2 at discount 0.9."""
    transitions = bandit([0.2, 1.0], [1, 1])
    endless = Transitions(
        **{**vars(transitions), "terminations": np.array([False, True])},
    )
    patient = make(name, **PATIENT[name])
    assert final_actions(patient, endless, np.ones((1, 1))) == [0]
    assert final_actions(patient, transitions, np.ones((1, 1))) == [1]


def test_the_same_seed_gives_the_same_training(learner: Learner) -> None:
    transitions = rows_taken(learner, random_transitions(np.random.default_rng(0), 30))
    elsewhere = np.random.default_rng(1).normal(size=(2000, 3))

    def trace(seed: int) -> list[tuple[dict[str, float], list[int]]]:
        return [
            (dict(trained.metrics), trained.policy.act(elsewhere).tolist())
            for trained in learner.fit(transitions, seed)
        ]

    assert trace(5) == trace(5)
    assert (trace(5) == trace(6)) == (learner.name in SEEDLESS)


def test_parameters_are_checked() -> None:
    with pytest.raises(InputError, match=r"unknown learner 'dqm'.*did you mean 'dqn'"):
        LEARNERS.make("dqm", {})
    with pytest.raises(InputError, match=r"1001 steps cannot be divided into 8 equal parts"):
        LEARNERS.make("dqn", {"steps": 1001})
    with pytest.raises(InputError, match=r"learning_rate = -1.*greater than 0"):
        LEARNERS.make("fqi", {"learning_rate": -1})


@pytest.mark.parametrize("name", sorted(IMITATORS))
def test_an_imitator_takes_the_action_of_most_weight(name: str) -> None:
    imitator = make(name)
    poor = [5.0, -5.0, 5.0, -5.0]  # what rows pay is none of its business
    assert final_actions(imitator, bandit(poor, [1, 9, 1, 1]), np.ones((1, 1))) == [1]
    assert final_actions(imitator, bandit(poor, [9, 1, 1, 1]), np.ones((1, 1))) == [0]


@pytest.mark.parametrize("name", sorted(IMITATORS))
def test_an_imitator_tells_states_apart(name: str) -> None:
    rows = chain().take(np.array([1, 3, 4, 7, 8]))  # each place once, with its own action
    imitator = make(name)
    assert final_actions(imitator, rows, np.eye(5)) == rows.actions.tolist()


@pytest.mark.parametrize(
    ("name", "timid"),
    [
        ("cql", {"conservatism": 10.0}),
        ("bcq", {"action_flexibility": 1.0}),
        ("td3+bc", {"boldness": 1e-3}),
        ("cql-continuous", {"conservatism": 10.0}),
    ],
)
def test_a_timid_learner_takes_the_datas_action(name: str, timid: dict[str, float]) -> None:
    """Action 1 pays more, but the data hardly ever take it."""
    data = bandit([0.0, 1.0], [19, 1])
    bold, held_back = (make(name, **more) for more in ({}, timid))
    daring = {"action_flexibility": 0.01} if name == "bcq" else {}
    bold = bold.model_copy(update=daring)
    assert final_actions(bold, data, np.ones((1, 1))) == [1]
    assert final_actions(held_back, data, np.ones((1, 1))) == [0]
