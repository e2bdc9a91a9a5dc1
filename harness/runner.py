"""Executing the runs that a results folder still lacks."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from harness.errors import InputError
from harness.records import (
    Provenance,
    Result,
    RunRecord,
    read_record,
    record_path,
    write_record,
)
from harness.specs import RunSpec

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def record_run(
    spec: RunSpec, provenance: Provenance, execute: Callable[[RunSpec], Result]
) -> RunRecord:
    """Execute a run and keep what came of it, a failure included."""
    try:
        result, error = execute(spec), None
    except Exception:  # a failed run must not end the suite: its record says why it failed
        result, error = None, traceback.format_exc()
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="failed" if result is None else "completed",
        error=error,
        result=result,
        provenance=provenance,
    )


def missing_runs(runs: Sequence[RunSpec], directory: Path) -> list[RunSpec]:
    """List the runs that have no record yet.

    Raises:
        InputError: If a record was made with other settings than the suite's, or is damaged.
    """
    missing = []
    for spec in runs:
        path = record_path(directory, spec.run_id)
        if not path.exists():
            missing.append(spec)
        elif read_record(path).spec != spec:
            raise InputError(
                f"{str(path)!r} was made with other settings than this suite's: results of two "
                "protocols cannot share a folder; choose another --results or remove the old ones"
            )
    return missing


def run_all(
    runs: Sequence[RunSpec],
    work: Callable[[RunSpec], RunRecord],
    directory: Path,
    jobs: int,
) -> Iterator[RunRecord]:
    """Execute runs in ``jobs`` processes; write each record as it comes, then yield it."""
    with _processes(jobs) as executor:
        futures = [executor.submit(work, spec) for spec in runs]
        for future in as_completed(futures):
            record = future.result()
            write_record(directory, record)
            yield record


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    """Fresh single-threaded worker processes; runs not yet begun are dropped on the way out."""
    context = get_context("spawn")  # a fork of a process that has used torch may hang
    with _environment(dict.fromkeys(THREAD_VARIABLES, "1")):
        executor = ProcessPoolExecutor(jobs, mp_context=context)
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
