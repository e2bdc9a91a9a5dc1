"""Captions say what the rewards of an arm are, and who wrote them."""

from __future__ import annotations

from typing import Any

from harness.analysis.captions import protocol
from harness.core.classes.specs import ReducerSpec
from harness.core.records import RunRecord
from tests.support.records.control import make_run


def run_of(**reducer: Any) -> RunRecord:
    run, spec = make_run([1.0], size=20), ReducerSpec.model_validate(reducer)
    return run.model_copy(update={"spec": run.spec.model_copy(update={"reducer": spec})})


def test_recorded_rewards_need_no_word() -> None:
    assert "labels" not in protocol([run_of(name="random")])


def test_labels_and_their_teacher_are_told() -> None:
    table = {"name": "advantage", "parameters": {"actions": "all"}, "when": "before"}
    told = protocol([run_of(name="random", labels=table), run_of(name="full", labels="shaped")])
    assert "full-shaped: shaped labels (teacher closed-form)" in told
    assert (
        "random-advantage: advantage labels before reducing (actions all, teacher closed-form)"
        in told
    )


def test_a_control_is_told_by_its_arm_alone() -> None:
    assert "labels" not in protocol([run_of(name="full", labels="shaped", control="constant")])


def test_a_teacher_that_learns_is_told_with_its_learner() -> None:
    learner = {"name": "dqn", "parameters": {"steps": 300, "hidden_units": [8, 8]}}
    teacher = {"name": "learner", "parameters": {"learner": learner}}
    told = protocol([run_of(name="random", labels={"name": "shaped", "teacher": teacher})])
    assert "(teacher learner, learner dqn (steps 300, hidden units 8×8))" in told
