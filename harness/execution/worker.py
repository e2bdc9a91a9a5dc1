"""Execution of one run in a worker: a record is always returned, also of a failure."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from harness.core.computing.threads import one_thread
from harness.core.errors import message_of, one_line
from harness.core.records import Reason, Result, RunRecord, schema_version_of
from harness.core.specs import RunSpec
from harness.execution.provenance import take_provenance
from harness.execution.timeouts import DeadlineExceeded, deadline

_one_at_a_time = threading.Lock()  # libraries have global random states, which threads would share

Made = TypeVar("Made")


class NonFiniteError(ArithmeticError):
    """A measurement is NaN or infinite."""


@dataclass(frozen=True)
class Failure:
    """The reason and traceback of a failure."""

    reason: Reason
    error: str  # the traceback


def attempt(make: Callable[[], Made], timeout: float | None = None) -> Made | Failure:
    """Call ``make`` with single-threaded libraries, and return its result or failure.

    Args:
        make: The function to call.
        timeout: Maximum seconds.
    """
    try:
        with _one_at_a_time, one_thread(), deadline(timeout):
            return make()
    except BaseException as error:  # whatever a class of the user's raises: the suite goes on
        if isinstance(error, KeyboardInterrupt) and _interrupts_arrive():
            raise
        return Failure(_reason(error), explain(error))


def record_run(
    spec: RunSpec, execute: Callable[[RunSpec], Result], timeout: float | None = None
) -> RunRecord:
    """Execute a run and return its record, also if it failed.

    Args:
        spec: The run.
        execute: Executes it.
        timeout: Maximum seconds.
    """
    result = attempt(partial(_finite_result, spec, execute), timeout)
    if isinstance(result, Failure):
        return failed_record(spec, result.reason, result.error)
    return RunRecord(
        schema_version=schema_version_of(result),
        run_id=spec.run_id,
        spec=spec,
        status="completed",
        result=result,
        provenance=take_provenance(),
    )


def failed_record(spec: RunSpec, reason: Reason, error: str) -> RunRecord:
    """Return the record of a failed run."""
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="failed",
        reason=reason,
        error=error.encode(errors="backslashreplace").decode(),  # a file takes no lone surrogate
        provenance=take_provenance(),
    )


def explain(error: BaseException) -> str:
    """Return an error's traceback, which ends with a line that says what it was.

    Files are named from where they are imported: records are published, and folders of a machine
    say nothing elsewhere.
    """
    trace = "".join(traceback.format_exception(error)).rstrip()
    folders = {str(Path(__file__).parents[2]), *(entry for entry in sys.path if _is_folder(entry))}
    for folder in sorted(folders, key=len, reverse=True):
        trace = trace.replace(f'  File "{folder}{os.sep}', '  File "')
    line = one_line(error)
    return trace if trace.endswith(line) else f"{trace}\n{line}"


def _is_folder(entry: object) -> bool:
    """Tell whether an entry of ``sys.path``, in which users may put anything, names a folder."""
    return isinstance(entry, str) and len(entry) > 1


def _interrupts_arrive() -> bool:
    """Tell whether Ctrl-C raises KeyboardInterrupt here: not in worker processes, nor threads."""
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def _reason(error: BaseException) -> Reason:
    if isinstance(error, DeadlineExceeded):
        return "time-out"
    if isinstance(error, NonFiniteError):
        return "non-finite"
    # torch has no class of its own for a lack of memory
    if isinstance(error, MemoryError) or "can't allocate memory" in message_of(error):
        return "out of memory"
    return "exception"


def _finite_result(spec: RunSpec, execute: Callable[[RunSpec], Result]) -> Result:
    """Execute a run, and check that all results are finite, unlike those of a diverged learner.

    Raises:
        NonFiniteError: If not; it names the first such value.
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
