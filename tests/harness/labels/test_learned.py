"""A teacher that is any learner: what is averaged, whose learner it may be, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.classes.specs import ClassSpec
from harness.core.errors import InputError
from harness.core.learner import Learner, TrainedPolicy
from harness.core.seeding import derive_seed
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, Teacher
from harness.labels.best_action import BestActionLabels
from harness.labels.builtin import TEACHERS
from harness.labels.learned import LearnerTeacher, bellman_error
from harness.learners.networks import FQILearner
from harness.tasks.teachers.fitting import fit_once
from harness.tasks.teachers.learner import TeacherLearner
from harness.testing.rows import random_transitions, with_codes

SEEDS: list[int] = []


@dataclass(frozen=True)
class Planted:
    """Values that a seed alone decides."""

    seed: int
    columns: int = 2

    def act(self, observations: FloatArray) -> IntArray:
        best: IntArray = self.values(observations).argmax(axis=1)
        return best

    def values(self, observations: FloatArray) -> Float64Array:
        slopes = np.random.default_rng(self.seed).normal(size=(observations.shape[1], self.columns))
        found: Float64Array = observations @ slopes
        return found


class PlantedLearner(Learner):
    """A learner of somebody's own, whose Q-function its seed decides."""

    name: ClassVar[str] = "planted"

    discount: float = 0.99
    flaw: str = ""

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        SEEDS.append(seed)
        transitions.rewards.flags.writeable = True
        transitions.rewards[:] = 0.0  # it may do with its rows what it likes
        if self.flaw == "no policy":
            return
        yield TrainedPolicy(1, Planted(seed + 1))
        yield TrainedPolicy(2, self.policy(seed))

    def policy(self, seed: int) -> Any:
        if self.flaw == "no values":
            return object()
        if self.flaw == "not finite":
            return type(
                "Endless", (Planted,), {"values": lambda _, rows: np.full((len(rows), 2), np.nan)}
            )(0)
        return Planted(seed, columns=3 if self.flaw == "columns" else 2)


def teacher(**parameters: Any) -> LearnerTeacher:
    flaw = {"flaw": parameters.pop("flaw")} if "flaw" in parameters else {}
    learner = {"name": f"{__name__}:PlantedLearner", "parameters": flaw}
    made: LearnerTeacher = TEACHERS.make("learner", {"learner": learner, **parameters})
    return made


def data(seed: int = 0) -> Transitions:
    return random_transitions(np.random.default_rng(seed), 40)


@given(members=st.integers(1, 5), caution=st.sampled_from([0.0, 0.5, 2.0]), seed=st.integers(0, 50))
def test_labels_are_made_of_the_average_of_members(members: int, caution: float, seed: int) -> None:
    rows = data(seed)
    fitted = teacher(members=members, caution=caution, seed=seed).fit(rows, 0.9)
    name = f"{__name__}:PlantedLearner"
    each = [
        Planted(derive_seed("teacher", name, seed, member)).values(rows.observations)
        for member in range(members)
    ]
    mean = sum(each) / members
    spread = np.sqrt(sum((one - mean) ** 2 for one in each) / members)
    found = fitted.q.values(rows.observations)
    np.testing.assert_allclose(found, mean - caution * spread, rtol=1e-12, atol=1e-12)
    assert -1 <= fitted.diagnostics["agreement"] <= 1


class Slope:
    """A policy of continuous actions, each worth its product with the first observation."""

    def act(self, observations: FloatArray) -> FloatArray:
        return observations[:, :1]

    def value_of(self, observations: FloatArray, actions: FloatArray) -> FloatArray:
        return observations[:, 0] * actions[:, 0]


@dataclass(frozen=True)
class Leaning:
    """A policy whose action is a multiple of the first observation, and worth what is asked."""

    factor: float

    def act(self, observations: FloatArray) -> FloatArray:
        return self.factor * observations[:, :1]

    def value_of(self, observations: FloatArray, actions: FloatArray) -> FloatArray:
        return self.factor * observations[:, 0] - actions[:, 0]


class LeaningLearner(Learner):
    """A learner of continuous actions whose policy its seed decides."""

    name: ClassVar[str] = "leaning"
    continuous: ClassVar[bool] = True

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:  # noqa: ARG002
        yield TrainedPolicy(1, Leaning(factor_of(seed)))


def factor_of(seed: int) -> float:
    return float(np.random.default_rng(seed).normal())


def uncoded(seed: int = 0) -> Transitions:
    rows = random_transitions(np.random.default_rng(seed), 40)
    torques = np.random.default_rng(seed + 1).normal(size=(40, 1))
    return replace(rows, actions=torques, action_count=0)


@given(members=st.integers(1, 4), caution=st.sampled_from([0.0, 2.0]), seed=st.integers(0, 50))
def test_actors_teach_their_mean_action_and_its_value(
    members: int, caution: float, seed: int
) -> None:
    name = f"{__name__}:LeaningLearner"
    spec = {"learner": name, "members": members, "caution": caution, "seed": seed}
    rows = uncoded(seed)
    fitted = fit_once(TEACHERS.make("learner", spec), rows, 0.9)
    each = [factor_of(derive_seed("teacher", name, seed, member)) for member in range(members)]
    first, torques = rows.observations[:, 0], rows.actions[:, 0]
    labelled = BestActionLabels().make(fitted, rows, 0.9)(rows)
    np.testing.assert_allclose(labelled.actions[:, 0], np.mean(each) * first, rtol=1e-12)
    spread = np.std([one * first - torques for one in each], axis=0)
    worth = np.mean(each) * first - torques - caution * spread
    found = fitted.actor.value_of(rows.observations, rows.actions)
    np.testing.assert_allclose(found, worth, rtol=1e-9, atol=1e-9)
    signs = np.sign(each)
    pairs = [signs[i] * signs[j] for i in range(members) for j in range(i)]
    assert np.isclose(fitted.diagnostics["agreement"], np.mean(pairs) if pairs else 1.0)


def test_a_teacher_of_continuous_actions_acts_in_a_learners_place() -> None:
    spec = ClassSpec(name="learner", parameters={"learner": f"{__name__}:LeaningLearner"})
    learner, rows = TeacherLearner(teacher=spec), uncoded()
    (trained,) = learner.fit(learner.rows_for(rows), 0)
    fitted = fit_once(TEACHERS.make(spec.name, spec.parameters), rows, learner.discount)
    np.testing.assert_array_equal(
        trained.policy.act(rows.observations), fitted.actor.act(rows.observations)
    )


@pytest.mark.parametrize("name", ["closed-form", "cautious", "learner"])
def test_teachers_of_numbered_actions_refuse_others(name: str) -> None:
    with pytest.raises(InputError, match="actions must be discrete, and these are vectors"):
        fit_once(TEACHERS.make(name, {}), uncoded(), 0.9)


class SlopeLearner(Learner):
    name: ClassVar[str] = "slope"
    continuous: ClassVar[bool] = True

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:  # noqa: ARG002
        assert set(np.unique(transitions.actions)) == {-1.0, 1.0}
        yield TrainedPolicy(1, Slope())


def test_a_learner_of_continuous_actions_teaches_the_values_of_codes() -> None:
    made = TEACHERS.make("learner", {"learner": f"{__name__}:SlopeLearner", "members": 1})
    rows = with_codes(data())
    found = made.fit(rows, 0.9).q.values(rows.observations)
    np.testing.assert_allclose(found, np.outer(rows.observations[:, 0], [-1.0, 1.0]))
    labels = BestActionLabels().make(made.fit(rows, 0.9), rows, 0.9)
    torques = labels(rows).in_vectors("a test").actions[:, 0]
    np.testing.assert_array_equal(torques, np.where(rows.observations[:, 0] > 0, 1.0, -1.0))


def test_every_member_has_a_seed_of_its_own() -> None:
    SEEDS.clear()
    for seed in (0, 1):
        teacher(members=4, seed=seed).fit(data(), 0.9)
    assert len(set(SEEDS)) == 8


def test_a_learner_of_somebodys_own_cannot_change_the_data() -> None:
    rows = data()
    before = rows.content_hash()
    teacher().fit(rows, 0.9)
    assert rows.content_hash() == before


def test_its_learner_is_given_by_name_or_table_or_object() -> None:
    whole = {
        "name": "fqi",
        "parameters": FQILearner().model_dump(mode="json", exclude={"discount"}),
    }
    made: list[Teacher] = [
        TEACHERS.make("learner", {"learner": given})
        for given in ("fqi", {"name": "fqi"}, FQILearner(), whole)
    ]
    assert all(one == made[0] for one in made)
    assert made[0].model_dump(mode="json")["learner"] == whole  # with every default


def test_its_discount_is_the_runs_unless_one_is_given() -> None:
    def discount(parameters: dict[str, float]) -> float:
        spec = {"name": "fqi", "parameters": parameters}
        made: LearnerTeacher = TEACHERS.make("learner", {"learner": spec})
        return float(made.make_learner(0.7).model_dump()["discount"])

    assert discount({}) == 0.7
    assert discount({"discount": 0.5}) == 0.5


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("no policy", "yielded no policy"),
        ("no values", "cannot teach: its policies offer no Q-values"),
        ("not finite", "diverged as a teacher: its values must be finite"),
        ("columns", r"shape \(40, 3\) for 40 states of 2 actions"),
    ],
)
def test_what_cannot_teach_is_refused(flaw: str, message: str) -> None:
    with pytest.raises(InputError, match=f"learner '.*PlantedLearner'.* {message}") as refused:
        teacher(flaw=flaw).fit(data(), 0.9)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        ("dqm", r"unknown learner 'dqm'.*did you mean 'dqn'"),
        ("fresh-gap", "unknown learner 'fresh-gap'"),
        ({"name": "dqn", "parameters": {"stepz": 3}}, "did you mean 'steps'"),
        ({"name": "dqn", "parameters": {"steps": 1001}}, "1001 steps cannot be divided"),
    ],
)
def test_a_wrong_learner_is_named_before_anything_is_fitted(learner: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"teacher 'learner': .*{message}"):
        TEACHERS.make("learner", {"learner": learner})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bc", "bcq", "bc-continuous"])
def test_a_learner_without_q_values_is_named(name: str) -> None:
    learner = {"name": name, "parameters": {"steps": 2, "checkpoints": 1}}
    made: Teacher = TEACHERS.make("learner", {"learner": learner})
    rows = uncoded() if name == "bc-continuous" else data()
    with pytest.raises(InputError, match=f"learner '{name}' cannot teach"):
        made.fit(rows, 0.9)


@dataclass(frozen=True)
class Table:
    """Values of states that are numbers."""

    table: Float64Array  # (S, action_count)

    def values(self, observations: FloatArray) -> Float64Array:
        found: Float64Array = self.table[observations[:, 0].astype(int)]
        return found


def test_the_bellman_error_is_none_of_a_solution_and_one_of_a_constant() -> None:
    """Two states: action 0 stays for a reward of its state, action 1 ends with reward 3."""
    rows = Transitions(
        observations=np.array([[0.0], [0.0], [1.0], [1.0]]),
        actions=np.array([0, 1, 0, 1]),
        rewards=np.array([0.0, 3.0, 1.0, 3.0]),
        next_observations=np.array([[0.0], [0.0], [1.0], [1.0]]),
        terminations=np.array([False, True, False, True]),
        weights=np.array([1.0, 2.0, 3.0, 4.0]),
        action_count=2,
    )
    solution = Table(np.array([[0.5 * 3.0, 3.0], [1.0 + 0.5 * 3.0, 3.0]]))
    assert bellman_error(solution, rows, 0.5) == 0.0
    ends = replace(rows, terminations=np.ones(4, dtype=np.bool_))
    mean = float(ends.shares @ ends.rewards)
    assert np.isclose(bellman_error(Table(np.full((2, 2), mean)), ends, 0.5), 1.0)


@dataclass(frozen=True)
class Returning:
    """Whatever values are planted."""

    found: Any

    def values(self, observations: FloatArray) -> Any:
        return np.broadcast_to(self.found, (len(observations), *np.shape(self.found)))


@dataclass(frozen=True)
class Handing:
    """Whatever actions and values are planted."""

    actions: Any
    value: Any = 0.0

    def act(self, observations: FloatArray) -> Any:
        return np.broadcast_to(self.actions, (len(observations), *np.shape(self.actions)))

    def value_of(self, observations: FloatArray, actions: FloatArray) -> Any:  # noqa: ARG002
        return np.full(len(observations), self.value)


class Careless(Teacher):
    """A teacher of the user's, that returns what it was given and takes any actions."""

    name: ClassVar[str] = "careless"

    def check_actions(self, transitions: Transitions) -> None:
        pass

    def fit(self, transitions: Transitions, discount: float) -> Any:  # noqa: ARG002
        return RETURNED[0]


RETURNED: list[Any] = []


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "returned a NoneType"),
        (FittedTeacher(Returning([0.0, np.nan]), 0.0), "not finite numbers"),
        (FittedTeacher(Returning(["a", "b"]), 0.0), "not finite numbers"),
        (FittedTeacher(Returning([0.0]), 0.0), r"of shape \(40, 1\) for 40 states of 2 actions"),
    ],
)
def test_what_no_teacher_may_return_is_refused(
    monkeypatch: pytest.MonkeyPatch, returned: Any, message: str
) -> None:
    monkeypatch.setattr(f"{__name__}.RETURNED", [returned])
    data = random_transitions(np.random.default_rng(0), 40)
    with pytest.raises(InputError, match=message):
        fit_once(Careless(), data, 0.9)
    named = ClassSpec(name=f"{__name__}:Careless")
    with pytest.raises(InputError, match=message):
        next(iter(TeacherLearner(teacher=named).fit(data, 0)))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (Handing([0.0, 1.0]), r"actions of shape \(40, 2\) at 40 states: the rule is 1 numbers"),
        (Handing([np.nan]), "not finite numbers"),
        (Handing([0.0], np.inf), "not finite numbers"),
    ],
)
def test_what_no_actor_may_return_is_refused(
    monkeypatch: pytest.MonkeyPatch, returned: Any, message: str
) -> None:
    monkeypatch.setattr(f"{__name__}.RETURNED", [FittedTeacher(returned, 0.0)])
    with pytest.raises(InputError, match=f"teacher 'careless' .*{message}"):
        fit_once(Careless(), uncoded(), 0.9)
