"""Labels of datasets that are read in parts: the rows of the whole, a teacher of a sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.classes.specs import LabelsSpec
from harness.core.errors import InputError
from harness.core.parts import reduce_in_parts
from harness.core.reduction import reduce_seeded
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.labels.closed_form import ClosedFormTeacher
from harness.numerics.certificates.bellman import certify_bellman
from harness.tasks.builtin import REDUCERS
from harness.tasks.teaching import labelling_in_parts
from harness.tasks.teaching.labelling import LabelledReducer, label_by
from harness.tasks.teaching.labelling_in_parts import LabelledInParts, taught_rows
from harness.tasks.teaching.saved_labels import labels_of
from harness.testing.rows import random_transitions
from tests.support.parts import Split

TEACHER = {"feature_count": 20, "iterations": 20}
EVERY = {"name": "advantage", "parameters": {"actions": "all"}}


@pytest.fixture
def data() -> Transitions:
    return random_transitions(np.random.default_rng(0), 90, action_count=3)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling_in_parts, "BLOCK", 7)


def labelled(
    method: str, labels: Any, kind: type[LabelledReducer] = LabelledInParts, when: str = "after"
) -> LabelledReducer:
    table = labels if isinstance(labels, dict) else {"name": labels}
    teacher = {"name": "closed-form", "parameters": TEACHER}
    spec = LabelsSpec.model_validate({**table, "teacher": teacher, "when": when})
    return label_by(REDUCERS.make(method, {}), method, spec, 0.9, kind)


@pytest.mark.parametrize("method", ["random", "stratified"])
@pytest.mark.parametrize("labels", ["shaped", "advantage", EVERY])
@pytest.mark.parametrize("when", ["after", "before"])
def test_a_dataset_that_is_taught_whole_gives_the_rows_of_the_whole(
    data: Transitions, method: str, labels: Any, when: str
) -> None:
    whole = reduce_seeded(data, labelled(method, labels, LabelledReducer, when), 30, 4)
    split = Split(data, edges=[11, 60], chunk=20)
    found = reduce_in_parts(labelled(method, labels, when=when), split, 30, 4)
    for name in ARRAY_NAMES:
        expected = getattr(whole.rows, name)
        np.testing.assert_allclose(getattr(found.rows, name), expected, rtol=1e-9, atol=1e-9)
    assert found.method == whole.method
    assert found.diagnostics == pytest.approx(whole.diagnostics)


def test_exact_points_have_the_losses_of_all_labelled_rows(data: Transitions) -> None:
    reducer = labelled("exact", "advantage", when="before")
    found = reduce_in_parts(reducer, Split(data, edges=[40], chunk=16), 40, 0)
    assert certify_bellman(reducer.label(data), found.rows, 0.9).bound < 1e-9


def test_a_teacher_sees_a_sample_and_labels_what_it_never_saw(data: Transitions) -> None:
    reducer = labelled("random", "advantage").model_copy(update={"teacher_rows": 50})
    found = reduce_in_parts(reducer, Split(data, edges=[33]), 30, 1).rows
    sample = data.take(taught_rows(90, 50))
    values = ClosedFormTeacher(**TEACHER).fit(sample, 0.9).q.values
    gap = np.median(np.ptp(values(sample.observations), axis=1))
    own = values(found.observations)
    expected = 100 / gap * (own[np.arange(30), found.actions] - own.mean(axis=1))
    np.testing.assert_allclose(found.rewards, expected, rtol=1e-9)


def test_a_file_says_how_many_rows_its_teacher_saw(data: Transitions) -> None:
    reducer = labelled("random", "advantage").model_copy(update={"teacher_rows": 50})
    found = reduce_in_parts(reducer, Split(data), 90, 0)
    again = labels_of(found.parameters)
    assert again == reducer
    assert again is not None
    np.testing.assert_allclose(again.label(data).rewards, found.rows.rewards, rtol=1e-9)


@given(count=st.integers(1, 5000), most=st.integers(1, 500))
@settings(deadline=None)
def test_taught_rows_are_distinct_and_in_order(count: int, most: int) -> None:
    rows = taught_rows(count, most)
    assert len(rows) == min(count, most)
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < count


def test_episodes_of_one_length_are_met_at_all_their_steps() -> None:
    """Every hundredth row of episodes of a hundred steps would be the same step of each."""
    steps = np.bincount(taught_rows(200_000, 2000) % 100, minlength=100)
    assert steps.min() > 5
    assert steps.max() < 40


def test_a_method_that_needs_all_rows_is_refused(data: Transitions) -> None:
    with pytest.raises(InputError, match="'bellman' cannot stream"):
        reduce_in_parts(labelled("bellman", "advantage"), Split(data), 30, 0)


def test_a_sample_without_signal_is_refused_by_its_size(data: Transitions) -> None:
    silent = data.take(np.flatnonzero(data.actions == 1))
    with pytest.raises(InputError, match=rf"sample of {len(silent)} rows.*1 action"):
        reduce_in_parts(labelled("random", "advantage"), Split(silent), 5, 0)
