"""Certificates of use: a policy of a run, judged by a teacher of the full data as recorded."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import cast

from harness.core.classes.specs import ReducerSpec, TeacherSpec
from harness.core.errors import InputError, blaming
from harness.core.learner import Policy
from harness.core.records import Use
from harness.core.rows import evenly_spaced
from harness.core.specs import RunSpec
from harness.core.transitions import Transitions
from harness.labels.base import Teacher, check_signal
from harness.labels.builtin import TEACHERS
from harness.labels.use import Judge
from harness.tasks.teaching.fitting import fit_once

JUDGED_ROWS = 100_000  # that a judge is fitted to, at most: half a minute and half a gigabyte


def judge_of(spec: RunSpec, rows: Transitions) -> Judge | None:
    """Fit who judges the policies of a run, once a process for all runs that share it.

    That is the teacher of the run's labels, or the default one, at the run's discount, fitted to
    the full dataset, or to ``JUDGED_ROWS`` evenly spaced rows of it.

    Returns:
        None if nobody can judge: the data hold no signal, or the teacher fails on them.
    """
    with suppress(InputError):
        return make_judge(teacher_of(spec.reducer), rows, cast(float, spec.discount))
    return None


def teacher_of(spec: ReducerSpec) -> Teacher:
    """Build the teacher of a reducer's labels, or the default one.

    Raises:
        InputError: If it is unknown, or a value breaks its rule.
    """
    named = spec.labels.teacher if spec.labels is not None else TeacherSpec()
    made: Teacher = TEACHERS.make(named.name, named.parameters)
    return made


def assess(judge: Judge | None, policy: Policy) -> Use | None:
    """Judge a policy; None where there is no judge, or the policy fails at states of the data."""
    if judge is not None:
        with suppress(InputError), blaming("the policy failed", "correct it"):
            return judge.assess(policy)
    return None


def make_judge(teacher: Teacher, rows: Transitions, discount: float) -> Judge:
    """Fit a judge; see `judge_of`.

    Raises:
        InputError: If nobody can judge.
    """
    # parameters as JSON, for they may hold tables, which have no hash
    found = _judge_once(type(teacher), teacher.model_dump_json(), rows, discount)
    if isinstance(found, InputError):
        raise found
    return found


@lru_cache(maxsize=4)
def _judge_once(
    kind: type[Teacher], parameters: str, rows: Transitions, discount: float
) -> Judge | InputError:
    """Fit a judge, or say why none can be: a failure, too, takes its seconds only once."""
    if len(rows) > JUDGED_ROWS:
        rows = rows.take(evenly_spaced(len(rows), JUDGED_ROWS))
    try:
        check_signal(rows, "advantage")
        with blaming(f"teacher {kind.name!r} failed", "correct the class"):
            teacher = kind.model_validate_json(parameters)
            return Judge.of(fit_once(teacher, rows, discount), rows)
    except InputError as error:
        return error
