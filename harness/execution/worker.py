"""One run, whatever becomes of it: what a worker does."""

from __future__ import annotations

import math
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from harness.core.records import Reason, Result, RunRecord
from harness.core.specs import RunSpec
from harness.execution.provenance import take_provenance
from harness.execution.timeouts import DeadlineExceeded, deadline

_one_at_a_time = threading.Lock()  # libraries keep random states that threads would share

Made = TypeVar("Made")


class NonFiniteError(ArithmeticError):
    """A measurement is NaN or infinite."""


@dataclass(frozen=True)
class Failure:
    """Why something was not made."""

    reason: Reason
    error: str  # the traceback


def attempt(make: Callable[[], Made], timeout: float | None = None) -> Made | Failure:
    """Make something on one thread, or say why it failed.

    Args:
        make: Makes it.
        timeout: Seconds after which it has failed.
    """
    try:
        with _one_at_a_time, threadpool_limits(1), deadline(timeout):
            return make()
    except (Exception, SystemExit, DeadlineExceeded) as error:  # must not end the suite
        return Failure(_reason(error), traceback.format_exc())


def record_run(
    spec: RunSpec, execute: Callable[[RunSpec], Result], timeout: float | None = None
) -> RunRecord:
    """Execute a run and keep what came of it, a failure included.

    Args:
        spec: The run.
        execute: Does it.
        timeout: Seconds after which it has failed.
    """
    result = attempt(partial(_finite_result, spec, execute), timeout)
    if isinstance(result, Failure):
        return failed_record(spec, result.reason, result.error)
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


def _finite_result(spec: RunSpec, execute: Callable[[RunSpec], Result]) -> Result:
    """Execute a run, and refuse what is no number, such as the loss of a learner that diverged.

    Raises:
        NonFiniteError: Naming the first.
    """
    result = execute(spec)
    for path, value in _floats(result.model_dump(), "result"):
        if not math.isfinite(value):
            raise NonFiniteError(f"{path} is {value}: the run diverged; lower its learning rate")
    return result


def _floats(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _floats(part, f"{path}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, part in enumerate(value):
            yield from _floats(part, f"{path}.{index}")
