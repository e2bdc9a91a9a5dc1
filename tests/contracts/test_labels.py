"""Contracts of labels and teachers: a new one gets them by being listed in labels/builtin.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.core.classes.specs import ClassSpec, LabelsSpec
from harness.core.reduction import Reducer, reduce_seeded
from harness.core.transitions import Transitions
from harness.labels.advantage import AdvantageLabels
from harness.labels.base import Labels, Teacher
from harness.labels.builtin import LABELS, TEACHERS
from harness.labels.learned import LearnerTeacher
from harness.tasks.builtin import REDUCERS
from harness.tasks.teaching.labelling import label_by
from harness.testing import LabelsContract, ReducerContract, TeacherContract
from harness.testing.reducers import small_source

SMALL: dict[str, Any] = {
    "steps": 300,
    "checkpoints": 1,
    "learning_rate": 1e-2,
    "hidden_units": [32],
    "target_interval": 10,
}


class TestTeachers(TeacherContract):
    @pytest.fixture(params=sorted({*TEACHERS.builtin} - {"learner"}))
    def teacher(self, request: pytest.FixtureRequest) -> Teacher:
        made: Teacher = TEACHERS.make(request.param, {})
        return made


@pytest.mark.slow
class TestNetworkTeacher(TeacherContract):
    subject = LearnerTeacher(learner=ClassSpec(name="dqn", parameters=SMALL), members=2)
    preference = 0.2  # networks start from random ones


class TestLabels(LabelsContract):
    @pytest.fixture(params=[*sorted(LABELS.builtin), "every action"])
    def labels(self, request: pytest.FixtureRequest) -> Labels:
        if request.param == "every action":
            return AdvantageLabels(actions="all")
        made: Labels = LABELS.make(request.param, {})
        return made


class TestLabelledReducers(ReducerContract):
    @pytest.fixture(params=sorted(LABELS.builtin))
    def reducer(self, request: pytest.FixtureRequest) -> Reducer[Any]:
        teacher = {"name": "closed-form", "parameters": {"feature_count": 20, "iterations": 20}}
        spec = LabelsSpec.model_validate({"name": request.param, "teacher": teacher})
        return label_by(REDUCERS.make("random", {}), "random", spec, 0.9)

    def test_it_says_what_made_it(self, reducer: Reducer[Any], source: Any) -> None:
        reduction = reduce_seeded(source, reducer, 40, 3)
        labels = reduction.parameters["labels"]["name"]
        assert reduction.method == f"random with {labels} labels"
        assert reduction.diagnostics["left_out_error"] > 0
        assert reduction.diagnostics.get("label_scale", 1.0) > 0
        assert type(reducer).model_validate(dict(reduction.parameters)) == reducer

    def test_it_keeps_to_the_source(
        self,
        reducer: Reducer[Any],
        kind: type[Any],  # noqa: ARG002
        source: Any,
    ) -> None:
        """States, and unless they are labels actions and weights, are those without labels."""
        labelled = reduce_seeded(source, reducer, 40, 3)
        recorded = reduce_seeded(source, REDUCERS.make("random", {}), 40, 3)
        assert labelled.source_indices is None
        replaced = {"best-action": "actions", "advantage-weight": "weights"}
        own = replaced.get(labelled.parameters["labels"]["name"])
        for name in {"observations", "actions", "weights"} - {own}:
            np.testing.assert_array_equal(
                getattr(labelled.rows, name), getattr(recorded.rows, name)
            )

    def test_data_without_terminations_work(self, reducer: Reducer[Any]) -> None:
        source = small_source(Transitions)
        alive = source.take(np.flatnonzero(~source.terminations))
        assert len(reduce_seeded(alive, reducer, 10, 0).rows) == 10
