"""What the runs of a folder measured: one measure a folder, or nothing can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from harness.core.errors import InputError
from harness.core.records import Result, RunRecord, RunResult
from harness.core.specs import Task

Measure = Literal["return", "test MSE", "worst-case gap", "fresh gap"]

# a task's runs count by its first measure where all of them failed
MEASURES: Final[Mapping[Task, tuple[Measure, ...]]] = {
    "control": ("return", "fresh gap"),
    "regression": ("test MSE", "worst-case gap"),
}


def measure(records: Iterable[RunRecord]) -> Measure:
    """Say what the headline of all these records measures.

    Raises:
        InputError: If the records do not share one measure.
    """
    records = list(records)
    found = {_measured(record.result) for record in records if record.result is not None}
    for task in {record.spec.task for record in records}:
        if found.isdisjoint(MEASURES[task]):
            found.add(MEASURES[task][0])
    if len(found) > 1:
        raise InputError(
            f"records that measure {' and '.join(sorted(found))}: runs are compared by one "
            "measure; keep the records of each suite in a folder of their own"
        )
    return found.pop() if found else "return"


def checked(records: Iterable[RunRecord], wanted: Measure) -> list[RunRecord]:
    """List the records if they can be drawn.

    Raises:
        InputError: If no run was completed, or the runs measured something else than ``wanted``.
    """
    listed = list(records)
    if all(record.result is None for record in listed):
        raise InputError(
            f"0 of {len(listed)} runs completed: a figure needs one; read `error` in a record, "
            "mend the cause and run the suite again"
        )
    if measure(listed) != wanted:
        raise InputError(
            f"records of {measure(listed)}: this figure shows {wanted}; draw the figures of a "
            "folder with `bellman-bench plot`"
        )
    return listed


def _measured(result: Result) -> Measure:
    return "return" if isinstance(result, RunResult) else result.metric
