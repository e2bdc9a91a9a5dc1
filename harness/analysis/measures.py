"""What the runs of a folder measured: one measure a folder, or nothing can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from harness.errors import InputError
from harness.records import MeasuredResult, RunRecord

Measure = Literal["return", "test MSE", "worst-case gap", "fresh gap"]


def measure(records: Iterable[RunRecord]) -> Measure:
    """Say what the headline of all these records measures.

    Failed runs measured nothing, so that failed runs of regression alone count as test MSE.

    Raises:
        InputError: If the records do not share one measure.
    """
    found: set[Measure] = set()
    unmeasured = False
    for record in records:
        if record.spec.task == "control":
            found.add("return")
        elif isinstance(record.result, MeasuredResult):
            found.add(record.result.metric)
        else:
            unmeasured = True
    if unmeasured and found <= {"return"}:
        found.add("test MSE")
    if len(found) > 1:
        raise InputError(
            f"records that measure {' and '.join(sorted(found))}: runs are compared by one "
            "measure; keep the records of each suite in a folder of their own"
        )
    return found.pop() if found else "return"
