"""The contracts of labels and of teachers."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from harness.core.classes.registry import import_class, reference_to
from harness.core.errors import InputError
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.labels.base import FittedTeacher, Labels, Teacher
from harness.labels.closed_form import ClosedFormTeacher
from harness.testing.rows import random_transitions

DISCOUNT = 0.9


class TeacherContract:
    """What a teacher keeps to: inherit, and set ``subject`` to one that is fitted in a second."""

    subject: ClassVar[Teacher]
    preference: ClassVar[float] = 1e-3  # at most, without signal and relative to values

    @pytest.fixture
    def teacher(self) -> Teacher:
        """Return the teacher under test; override it for several."""
        return self.subject

    def test_it_values_every_action_anywhere(self, teacher: Teacher) -> None:
        fitted = teacher.fit(source(), DISCOUNT)
        elsewhere = np.random.default_rng(1).normal(size=(17, 3))
        values = fitted.q.values(elsewhere)
        assert values.shape == (17, 2)
        assert np.isfinite(values).all()
        assert fitted.seconds > 0
        assert all(np.isfinite(value) for value in fitted.diagnostics.values())

    def test_it_is_the_same_again(self, teacher: Teacher) -> None:
        data = source()
        first, second = (teacher.fit(data, DISCOUNT).q.values(data.observations) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_what_is_kept_on_disk_is_the_same(self, teacher: Teacher) -> None:
        q = teacher.fit(source(), DISCOUNT).q
        arrays = teacher.pack(q)
        if arrays is not None:
            observations = source().observations
            again = teacher.unpack(arrays).values(observations)
            np.testing.assert_array_equal(again, q.values(observations))

    def test_it_prefers_what_pays(self, teacher: Teacher) -> None:
        for best in (0, 1):
            data = source(400)
            data = replace(data, rewards=(data.actions == best).astype(np.float64))
            values = teacher.fit(data, DISCOUNT).q.values(data.observations)
            assert np.mean(values.argmax(axis=1) == best) > 0.9

    def test_data_without_signal_give_no_preference(self, teacher: Teacher) -> None:
        """What is learned from rewards that are all the same is owed to something else."""
        for reward in (1.0, -1.0):
            data = replace(
                source(400), rewards=np.full(400, reward), terminations=np.zeros(400, bool)
            )
            values = teacher.fit(data, DISCOUNT).q.values(data.observations)
            assert np.ptp(values, axis=1).max() < self.preference * np.abs(values).mean()

    def test_it_leaves_the_data_alone(self, teacher: Teacher) -> None:
        data = source()
        before = data.content_hash()
        teacher.fit(data, DISCOUNT)
        assert data.content_hash() == before

    def test_its_parameters_make_it_again(self, teacher: Teacher) -> None:
        assert type(teacher).model_validate(teacher.model_dump(mode="json")) == teacher

    def test_workers_find_it_by_its_name(self, teacher: Teacher) -> None:
        reference = reference_to(type(teacher))
        assert reference
        if ":" in reference:
            assert import_class(reference, "teacher") is type(teacher)


class LabelsContract:
    """What labels keep to: inherit, and set ``subject``."""

    subject: ClassVar[Labels]

    @pytest.fixture
    def labels(self) -> Labels:
        """Return the labels under test; override it for several."""
        return self.subject

    @pytest.fixture
    def fitted(self) -> FittedTeacher:
        """Return a teacher that was fitted to `source`."""
        return ClosedFormTeacher(feature_count=20, iterations=20).fit(source(), DISCOUNT)

    def test_states_stay_where_they_are(self, labels: Labels, fitted: FittedTeacher) -> None:
        few = source().take(np.arange(10))
        labelled = labels.make(fitted, source(), DISCOUNT)(few)
        assert np.isfinite(labelled.rewards).all()
        assert labelled.action_count == few.action_count
        found = {state.tobytes() for state in labelled.observations}
        assert found == {state.tobytes() for state in few.observations}

    def test_a_row_is_labelled_whatever_stands_beside_it(
        self, labels: Labels, fitted: FittedTeacher
    ) -> None:
        relabel, few = labels.make(fitted, source(), DISCOUNT), source().take(np.arange(10))
        whole = relabel(few)
        parts = [relabel(few.take(np.array([row]))) for row in range(10)]
        for name in set(ARRAY_NAMES):
            joined = np.concatenate([getattr(part, name) for part in parts])
            np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-9, atol=1e-9)

    def test_it_gives_no_more_rows_than_were_asked_for(
        self, labels: Labels, fitted: FittedTeacher
    ) -> None:
        relabel = labels.make(fitted, source(), DISCOUNT)
        for size in (2, 7, 30):
            rows = labels.rows_for(size, 2)
            labelled = relabel(source().take(np.arange(rows)))
            assert 1 <= len(labelled) <= size

    def test_data_without_signal_are_refused(self, labels: Labels, fitted: FittedTeacher) -> None:
        data = source()
        silent = replace(data, rewards=np.ones(60), terminations=np.zeros(60, bool))
        with pytest.raises(InputError, match="no signal"):
            labels.make(fitted, silent, DISCOUNT)

    def test_one_action_is_refused(self, labels: Labels, fitted: FittedTeacher) -> None:
        one = replace(source(), actions=np.zeros(60, dtype=np.int64), action_count=1)
        with pytest.raises(InputError, match="1 action"):
            labels.make(fitted, one, DISCOUNT)

    def test_its_parameters_make_it_again(self, labels: Labels) -> None:
        assert type(labels).model_validate(labels.model_dump(mode="json")) == labels


def source(rows: int = 60) -> Transitions:
    """Return rows of two actions, some terminated."""
    return random_transitions(np.random.default_rng(1), rows)
