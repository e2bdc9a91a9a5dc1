"""Labels in runs: pairs of arms, costs, refusals, and what a cache tells apart."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel

from baselines.random import RandomReducer
from harness import distill
from harness.core.classes.specs import LabelsSpec
from harness.core.errors import InputError
from harness.core.reduction import Reducer, reduce_seeded
from harness.core.transitions import Transitions
from harness.execution.cache import cache_key
from harness.labels.advantage import AdvantageLabels
from harness.labels.base import FittedTeacher
from harness.labels.closed_form import ClosedFormTeacher
from harness.learners.linear_fqi import LinearFQILearner
from harness.tasks.builtin import REDUCERS
from harness.tasks.teaching.labelling import LabelledReducer, label_by
from harness.tasks.teaching.saved_labels import labels_of
from harness.testing.rows import in_episodes, random_transitions

QUICK = {"name": "closed-form", "parameters": {"feature_count": 20, "iterations": 20}}


@pytest.fixture
def data() -> Transitions:
    return in_episodes(random_transitions(np.random.default_rng(0), 90, action_count=3))


def labelled(method: str, labels: Any = "advantage", **others: Any) -> LabelledReducer:
    table = {"name": labels} if isinstance(labels, str) else labels
    spec = LabelsSpec.model_validate({**table, "teacher": QUICK, **others})
    return label_by(REDUCERS.make(method, {}), method, spec, 0.9)


@pytest.mark.parametrize(
    "method", ["full", "random", "stratified", "leverage", "k-centre", "return-weighted", "exact"]
)
@pytest.mark.parametrize("labels", ["shaped", "advantage"])
def test_labels_compose_with_every_reducer(data: Transitions, method: str, labels: str) -> None:
    plain = reduce_seeded(data, REDUCERS.make(method, {}), 30, 4)
    found = reduce_seeded(data, labelled(method, labels), 30, 4)
    for name in ("observations", "actions", "next_observations", "weights"):
        np.testing.assert_array_equal(getattr(found.rows, name), getattr(plain.rows, name))
    assert not np.allclose(found.rows.rewards, plain.rows.rewards)


class Scribbler(RandomReducer[Transitions]):
    """Writes into the data that it only looks at, though they are read-only."""

    name = "scribbler"

    def check_usable(self, rows: Transitions) -> None:
        rows.rewards.flags.writeable = True
        rows.rewards[:] = 0


def test_a_users_reducer_looks_at_a_copy(data: Transitions) -> None:
    before = data.rewards.copy()
    labelled(f"{__name__}:Scribbler").check_usable(data)
    np.testing.assert_array_equal(data.rewards, before)


@pytest.mark.parametrize(("method", "rows"), [("full", 270), ("random", 30), ("stratified", 30)])
def test_every_action_of_a_state(data: Transitions, method: str, rows: int) -> None:
    every = {"name": "advantage", "parameters": {"actions": "all"}}
    found = reduce_seeded(data, labelled(method, every), 31, 0).rows
    assert len(found) == rows
    assert found.actions.tolist() == [0, 1, 2] * (rows // 3)


def test_too_few_rows_for_every_action_are_refused(data: Transitions) -> None:
    every = {"name": "advantage", "parameters": {"actions": "all"}}
    with pytest.raises(InputError, match="size 2: a row for every action of 3"):
        reduce_seeded(data, labelled("random", every), 2, 0)


def test_a_method_may_match_the_losses_of_labelled_rows(data: Transitions) -> None:
    """Reduced after labelling, exact points keep the mean label; before it they do not."""
    rows = reduce_seeded(data, labelled("full"), 90, 0).rows
    matched, moved = (
        reduce_seeded(data, labelled("exact", when=when), 30, 0).rows
        for when in ("before", "after")
    )
    whole = float(rows.shares @ rows.rewards)
    assert np.isclose(float(matched.shares @ matched.rewards), whole)
    assert not np.isclose(float(moved.shares @ moved.rewards), whole)


def test_a_reduction_costs_what_its_teacher_costs(data: Transitions) -> None:
    first, again = (reduce_seeded(data, labelled("random"), 30, seed) for seed in (0, 1))
    spent = first.seconds, again.seconds
    assert min(spent) > 0.5 * max(spent)  # though the teacher was fitted once


def test_data_without_signal_are_refused_before_anything_runs(data: Transitions) -> None:
    silent = replace(data, rewards=np.ones(90), terminations=np.zeros(90, bool))
    with pytest.raises(InputError, match="no row terminates and every reward is 1"):
        labelled("random").check_usable(silent)
    with pytest.raises(InputError, match="no signal"):
        distill(silent, "random", 10, labels="shaped")


def test_a_teacher_that_its_own_data_refute_is_said(caplog: pytest.LogCaptureFixture) -> None:
    noise = random_transitions(np.random.default_rng(0), 60)
    noise = replace(noise, rewards=np.random.default_rng(1).normal(size=60))
    with caplog.at_level(logging.WARNING, "bellman_bench"):
        found = reduce_seeded(noise, labelled("random"), 10, 0)
    assert found.diagnostics["left_out_error"] >= 1
    assert "refuted by the data" in caplog.text


def test_caches_tell_labels_teachers_and_their_versions_apart(
    data: Transitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(reducer: Reducer[Transitions]) -> str | None:
        return cache_key(reducer, data, 10, 0)

    seen = [key(REDUCERS.make("random", {})), key(labelled("random")), key(labelled("stratified"))]
    seen += [key(labelled("random", "shaped")), key(labelled("random", when="before"))]
    classes: list[type[BaseModel]] = [AdvantageLabels, ClosedFormTeacher, REDUCERS.find("random")]
    for changed in classes:
        monkeypatch.setattr(changed, "cache_version", 77)
        seen.append(key(labelled("random")))
    assert None not in seen
    assert len(set(seen)) == len(seen)


def by_learner(learner: Any, **parameters: Any) -> LabelledReducer:
    given = {"learner": learner, "members": 1, **parameters}
    teacher = {"name": "learner", "parameters": given}
    spec = LabelsSpec.model_validate({"name": "advantage", "teacher": teacher})
    return label_by(REDUCERS.make("random", {}), "random", spec, 0.9)


LINEAR = {"name": "linear-fqi", "parameters": {"feature_count": 10, "iterations": 5}}


def test_a_learner_that_teaches_is_in_records_and_caches(
    data: Transitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    reducer = by_learner(LINEAR)
    found = reduce_seeded(data, reducer, 20, 0)
    assert found.parameters["teacher"]["parameters"]["learner"]["parameters"]["ridge"] > 0
    assert 0 < found.diagnostics["bellman_error"] < 1
    keys = [cache_key(reducer, data, 20, 0), cache_key(by_learner("linear-fqi"), data, 20, 0)]
    keys.append(cache_key(by_learner(LINEAR, caution=1), data, 20, 0))
    monkeypatch.setattr(LinearFQILearner, "cache_version", 77)
    keys.append(cache_key(reducer, data, 20, 0))
    assert None not in keys
    assert len(set(keys)) == len(keys)


def test_a_file_alone_imports_no_learner(data: Transitions) -> None:
    parameters = reduce_seeded(data, by_learner(LINEAR), 20, 0).parameters
    assert labels_of(parameters) is not None
    for planted in ({"name": "planted_learner:Planted", "parameters": {}}, "planted_learner:P", 3):
        teacher = {"name": "learner", "parameters": {"learner": planted}}
        assert labels_of({**parameters, "teacher": teacher}) is None


class Fickle(ClosedFormTeacher):
    """A teacher of somebody's own, which counts how often it was fitted."""

    name: ClassVar[str] = "fickle"

    def fit(self, transitions: Transitions, discount: float) -> FittedTeacher:
        FITTED.append(discount)
        return super().fit(transitions, discount)


FITTED: list[float] = []


def test_a_teacher_is_fitted_once_for_a_dataset_and_discount(data: Transitions) -> None:
    teacher = {"name": f"{__name__}:Fickle", "parameters": QUICK["parameters"]}
    for discount in (0.9, 0.9, 0.5):
        for method in ("random", "stratified"):
            spec = LabelsSpec.model_validate({"name": "advantage", "teacher": teacher})
            reduce_seeded(data, label_by(REDUCERS.make(method, {}), method, spec, discount), 10, 0)
    assert FITTED == [0.9, 0.5]


def test_labels_are_given_by_name_or_table_or_object(data: Transitions) -> None:
    by_name, by_table, by_object = (
        distill(data, "random", 20, labels=labels, discount=0.9)
        for labels in ("advantage", {"name": "advantage"}, AdvantageLabels())
    )
    assert by_name.rows.content_hash() == by_table.rows.content_hash()
    assert by_name.rows.content_hash() == by_object.rows.content_hash()
    recorded = distill(data, "random", 20, labels="recorded")
    assert recorded.rows.content_hash() == distill(data, "random", 20).rows.content_hash()
