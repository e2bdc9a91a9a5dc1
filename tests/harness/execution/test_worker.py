"""What a class of the user's may raise, and what becomes of it."""

from __future__ import annotations

import re
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from harness.core.records import RunRecord
from harness.execution.status import failure_line
from harness.execution.worker import Failure, attempt, record_run
from tests.support.workers import run_spec


class Strange(BaseException):
    """Neither an Exception nor one of Python's own ends."""


class Mute(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise ZeroDivisionError


def fail(error: BaseException, *_: object) -> None:
    raise error


def record_of(error: BaseException, timeout: float | None = None) -> RunRecord:
    return record_run(run_spec("good"), partial(fail, error), timeout)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [None, 60.0])
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GeneratorExit("closed"), "GeneratorExit: closed"),
        (GeneratorExit(), "GeneratorExit"),
        (Strange("odd"), "Strange: odd"),
        (StopIteration(3), "StopIteration: 3"),
        (Mute(), "__str__ failed"),
        (RuntimeError("x\ny"), "RuntimeError: x"),
        (RuntimeError("lone \ud800"), r"RuntimeError: lone \ud800"),
        (ExceptionGroup("many", [ValueError("one")]), "ExceptionGroup: many (1 sub-exception)"),
    ],
)
def test_whatever_a_run_raises_is_a_record_that_names_it(
    error: BaseException, line: str, timeout: float | None
) -> None:
    record = record_of(error, timeout)
    assert (record.status, record.reason) == ("failed", "exception")
    assert failure_line(record).endswith(line)
    assert "Traceback" in (record.error or "")
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


def test_a_traceback_names_files_from_where_they_are_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, Path("elsewhere"), b"bytes", "", "/"])
    files = re.findall(r'File "([^"]*)"', record_of(ValueError("odd")).error or "")
    assert "harness/execution/worker.py" in files
    assert not [file for file in files if Path(file).is_absolute()]


def test_a_pydantic_error_is_named_by_its_first_offence() -> None:
    def validate(*_: object) -> None:
        TypeAdapter(int).validate_python("x")

    record = record_run(run_spec("good"), validate)  # type: ignore[arg-type]
    assert "'x'" in (record.error or "")
    assert "Input should be a valid integer" in failure_line(record)
    assert "errors.pydantic.dev" not in failure_line(record)


def test_an_interrupt_ends_a_run_only_where_one_can_arrive() -> None:
    raising = partial(fail, KeyboardInterrupt("mine"))
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        attempt(raising)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as worker processes do
    try:
        ignored = attempt(raising)
    finally:
        signal.signal(signal.SIGINT, before)
    with ThreadPoolExecutor(1) as executor:
        in_thread = executor.submit(attempt, raising).result()
    for failure in (ignored, in_thread):
        assert isinstance(failure, Failure)
        assert failure.error.endswith("KeyboardInterrupt: mine")
