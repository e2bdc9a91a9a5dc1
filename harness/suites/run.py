"""Running of the pending runs of a suite."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.records import RunRecord
from harness.core.reduction import Reduction
from harness.core.specs import RunSpec, Suite
from harness.execution.cache import cache_folder, tidy
from harness.execution.kept_sets import take_sets
from harness.execution.leases import remove_expired
from harness.execution.local import LocalPool
from harness.execution.runner import run_all
from harness.execution.status import write_suite
from harness.execution.tracking.base import Watch
from harness.execution.worker import Failure, attempt, failed_record, record_run
from harness.execution.worker_pool import WorkerPool
from harness.suites.checks import Asked, check_runs
from harness.suites.costs import expected_seconds
from harness.suites.loading import load_suite, make_suite
from harness.tasks.kinds import task_of


def run_suite(
    suite: Suite | Mapping[str, Any] | str,
    directory: Path | str,
    jobs: int = 1,
    watch: Watch | None = None,
    *,
    scheduler: str | None = None,
    timeout: float | None = None,
    retry_failed: bool = False,
    sets: Path | str | None = None,
) -> list[RunRecord]:
    """Execute all runs of a suite that have no record in a results folder yet.

    Several runners may share a folder; each run is executed by one of them, and each reduction made
    once for all runs that need it: local processes share it by the folder's ``cache``, which may be
    deleted at any time, a cluster by its scheduler.

    Args:
        suite: A suite, its values as in TOML, the name of a shipped suite, or the path of a TOML
            file. Reducers and learners may be objects, ``EveryNth(step=3)``, of classes that worker
            processes can import.
        directory: The results folder; records are written to its ``records``.
        jobs: Number of processes.
        watch: Wraps the iterator of records, given the expected seconds of each pending run by its
        id; for progress bars.
        scheduler: Address of a Dask scheduler whose workers execute the runs, instead of processes.
        timeout: Maximum seconds of a run, after which it is recorded as failed.
        retry_failed: Whether to repeat failed runs.
        sets: A results folder whose kept sets the runs train on, instead of making theirs anew; not
        on a cluster.

    Returns:
        The new records, including failed ones, in order of completion.

    Raises:
        InputError: If the suite, a dataset or a size cannot be used, or existing records were made
            from other data, environments or parameters; nothing is run then. If no run is pending,
            datasets are compared as far as they are here.
        Stopped: On SIGINT and SIGTERM, after the workers have ended.
    """
    suite, directory = _as_suite(suite), Path(directory)
    asked = Asked(jobs, scheduler, timeout, retry_failed, None if sets is None else Path(sets))
    due = check_runs(suite, directory, asked)
    if not due:
        _leave_tidy(suite, directory)
        return []
    pool = _cluster(scheduler, timeout) if scheduler else LocalPool(min(jobs, len(due)))
    if asked.sets is not None:
        take_sets(asked.sets, directory)
    write_suite(directory, suite)
    work = partial(perform, timeout=timeout, cache=None if scheduler else cache_folder(directory))
    expected = expected_seconds(run.spec for run in due)
    ended = run_all(due, work, directory, pool, timeout)
    try:
        return list(watch(expected, ended) if watch else ended)
    finally:
        tidy(cache_folder(directory))


def perform(
    spec: RunSpec,
    sent: tuple[Any, Reduction[Any] | Failure | None] | None,
    timeout: float | None = None,
    cache: Path | None = None,
) -> RunRecord:
    """Execute a run in a worker, on one thread.

    Args:
        spec: The run.
        sent: Its dataset and reduction, if sent along; the latter may be a failure.
        timeout: Maximum seconds.
        cache: The folder of cached reductions; None: no cache.
    """
    source, reduction = sent or (None, None)
    if isinstance(reduction, Failure):
        return failed_record(spec, reduction.reason, reduction.error)
    task = task_of(spec)
    with suppress(Exception, SystemExit):  # it occurs again in the run, where it is recorded
        task.prepare(spec)
    return record_run(
        spec, partial(task.run, source=source, reduction=reduction, cache=cache), timeout
    )


def reduce_for_runs(
    spec: RunSpec, source: Any, timeout: float | None = None
) -> Reduction[Any] | Failure:
    """Make a reduction in a worker, for all runs that need it.

    Args:
        spec: One of those runs.
        source: Its dataset.
        timeout: Maximum seconds.
    """
    return attempt(partial(task_of(spec).reduce, spec, source), timeout)


def _as_suite(suite: Suite | Mapping[str, Any] | str) -> Suite:
    if isinstance(suite, str):
        return load_suite(suite)
    return suite if isinstance(suite, Suite) else make_suite(suite, "given")


def _leave_tidy(suite: Suite, directory: Path) -> None:
    """Describe a folder in which nothing is left to do, and remove what killed runners left."""
    write_suite(directory, suite)
    remove_expired(directory)
    tidy(cache_folder(directory))


def _open_source(spec: RunSpec) -> Any:
    return task_of(spec).open(spec)


def _cluster(address: str, timeout: float | None) -> WorkerPool:
    from harness.execution.dask import DaskPool  # imports dask

    return DaskPool(address, _open_source, partial(reduce_for_runs, timeout=timeout))
