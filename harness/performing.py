"""One run, whatever becomes of it: what a worker does."""

from __future__ import annotations

import math
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.deadlines import DeadlineExceeded, deadline
from harness.provenance import take_provenance
from harness.records import Reason, Result, RunRecord
from harness.specs import RunSpec

_one_at_a_time = threading.Lock()  # libraries keep random states that threads would share


class NonFiniteError(ArithmeticError):
    """A measurement is NaN or infinite."""


def record_run(
    spec: RunSpec, execute: Callable[[RunSpec], Result], timeout: float | None = None
) -> RunRecord:
    """Execute a run and keep what came of it, a failure included.

    Args:
        spec: The run.
        execute: Does it.
        timeout: Seconds after which it has failed.
    """
    try:
        with _one_at_a_time, deadline(timeout):
            result = execute(spec)
        _check_finite(result)
    except (Exception, SystemExit, DeadlineExceeded) as error:  # must not end the suite
        return failed_record(spec, _reason(error), traceback.format_exc())
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="completed",
        result=result,
        provenance=take_provenance(),
    )


def failed_record(spec: RunSpec, reason: Reason, error: str) -> RunRecord:
    """Say why a run has no result."""
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="failed",
        reason=reason,
        error=error,
        provenance=take_provenance(),
    )


def _reason(error: BaseException) -> Reason:
    if isinstance(error, DeadlineExceeded):
        return "time-out"
    if isinstance(error, NonFiniteError):
        return "non-finite"
    # torch has no class of its own for a lack of memory
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "out of memory"
    return "exception"


def _check_finite(result: Result) -> None:
    """Refuse measurements that are no numbers, such as the loss of a learner that diverged.

    Raises:
        NonFiniteError: Naming the first.
    """
    for path, value in _floats(result.model_dump(), "result"):
        if not math.isfinite(value):
            raise NonFiniteError(f"{path} is {value}: the run diverged; lower its learning rate")


def _floats(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _floats(part, f"{path}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, part in enumerate(value):
            yield from _floats(part, f"{path}.{index}")
