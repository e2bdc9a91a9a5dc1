"""Teachers that several runs and processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, QFunction
from harness.labels.closed_form import ClosedFormTeacher
from harness.tasks.teachers.fitting import fit_once, fit_shared, teachers_of
from harness.tasks.teachers.learner import TeacherLearner
from harness.testing.rows import random_transitions


@pytest.fixture
def data() -> Transitions:
    return random_transitions(np.random.default_rng(0), 3000, action_count=3)


@pytest.fixture(autouse=True)
def _another_process() -> Iterator[None]:
    fit_shared.cache_clear()
    yield
    fit_shared.cache_clear()


class Forgetful(ClosedFormTeacher):
    """Keeps nothing on disk."""

    def pack(self, q: QFunction) -> Any:  # noqa: ARG002
        return None


def never(*_: object) -> FittedTeacher:
    raise AssertionError("fitted again")


def fit(teacher: ClosedFormTeacher, data: Transitions, folder: Path | None) -> FittedTeacher:
    with teachers_of("some data", folder):
        return fit_once(teacher, data, 0.9)


def test_processes_that_share_a_folder_fit_once(
    data: Transitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(ClosedFormTeacher(), data, tmp_path)
    fit_shared.cache_clear()
    monkeypatch.setattr(ClosedFormTeacher, "fit", never)
    again = fit(ClosedFormTeacher(), data, tmp_path)
    assert (again.seconds, again.diagnostics) == (first.seconds, first.diagnostics)
    np.testing.assert_array_equal(
        again.q.values(data.observations), first.q.values(data.observations)
    )
    for other in (ClosedFormTeacher(ridge=1e-2), ClosedFormTeacher(caution=1.0)):
        with pytest.raises(AssertionError, match="fitted again"):
            fit(other, data, tmp_path)


def test_a_teacher_as_learner_shares_the_fit_and_counts_its_seconds(
    data: Transitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(ClosedFormTeacher(), data, tmp_path)
    fit_shared.cache_clear()
    monkeypatch.setattr(ClosedFormTeacher, "fit", never)
    with teachers_of("some data", tmp_path):
        (trained,) = TeacherLearner(discount=0.9).fit(data, seed=5)
    best = first.q.values(data.observations).argmax(axis=1)
    np.testing.assert_array_equal(trained.policy.act(data.observations), best)
    assert trained.metrics == first.diagnostics
    assert 0 < trained.saved_seconds < first.seconds


def test_without_a_folder_a_process_fits_once(
    data: Transitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(ClosedFormTeacher(), data, None)
    monkeypatch.setattr(ClosedFormTeacher, "fit", never)
    assert fit(ClosedFormTeacher(), data, None) is first


def test_what_cannot_be_packed_is_not_kept(data: Transitions, tmp_path: Path) -> None:
    fit(Forgetful(), data, tmp_path)
    assert not list(tmp_path.glob("*.npz"))
