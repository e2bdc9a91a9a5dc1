"""Running of the pending runs of a suite."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.records import RunRecord, read_present_records
from harness.core.reduction import Reduction
from harness.core.specs import RunSpec, Suite
from harness.execution.cache import cache_folder, tidy
from harness.execution.kept_sets import check_sets, check_taken, take_sets
from harness.execution.leases import remove_expired
from harness.execution.local import LocalPool
from harness.execution.runner import pending_runs, run_all
from harness.execution.status import write_suite
from harness.execution.tracking.base import Watch
from harness.execution.worker import Failure, attempt, failed_record, record_run
from harness.execution.worker_pool import WorkerPool, check_cluster_installed
from harness.suites.costs import expected_seconds
from harness.suites.loading import load_suite, make_suite
from harness.tasks.kinds import task_of
from harness.tasks.resuming import check_same_data, check_same_parameters

LONGEST_ID = 180  # characters of a run's id; with what is added to it, file systems allow 255


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
    _check_positive("jobs", jobs, "at least one process is needed; give 1 or more")
    if timeout is not None:
        _check_positive("timeout", timeout, "a run needs time; give more than 0 seconds")
    _check_names(suite)
    if sets is not None:
        _check_taken(Path(sets), directory, scheduler)
    due = pending_runs(list(suite.runs()), directory, retry_failed)
    if due:
        task_of(suite).check(suite)
        check_sets(directory)
    _check_records(suite, directory, fetch=bool(due))
    if not due:
        _leave_tidy(suite, directory)
        return []
    pool = _cluster(scheduler, timeout) if scheduler else LocalPool(min(jobs, len(due)))
    if sets is not None:
        take_sets(Path(sets), directory)
    write_suite(directory, suite)
    work = partial(perform, timeout=timeout, cache=None if scheduler else cache_folder(directory))
    expected = expected_seconds(run.spec for run in due)
    ended = run_all(due, work, directory, pool, timeout)
    try:
        return list(watch(expected, ended) if watch else ended)
    finally:
        tidy(cache_folder(directory))


def _check_records(suite: Suite, directory: Path, *, fetch: bool) -> None:
    """Check that the records of a folder, of which there may be none, are of this suite's study.

    Args:
        suite: The suite.
        directory: The results folder.
        fetch: Whether datasets may be collected or downloaded to be compared.

    Raises:
        InputError: If they were made from other data, environments or parameters.
    """
    records, task = list(read_present_records(directory)), task_of(suite)
    check_same_parameters(suite, records)
    there = {
        dataset for dataset in suite.datasets if fetch or task.last_changed(dataset) is not None
    }
    check_same_data(suite, [record for record in records if record.spec.dataset in there])


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


def _check_taken(sets: Path, directory: Path, scheduler: str | None) -> None:
    if scheduler:
        raise InputError(
            f"kept sets of {str(sets)!r}: a cluster's workers make theirs anew; leave out the "
            "scheduler, or the sets"
        )
    check_taken(sets, directory)


def _leave_tidy(suite: Suite, directory: Path) -> None:
    """Describe a folder in which nothing is left to do, and remove what killed runners left."""
    write_suite(directory, suite)
    remove_expired(directory)
    tidy(cache_folder(directory))


def _open_source(spec: RunSpec) -> Any:
    return task_of(spec).open(spec)


def _cluster(address: str, timeout: float | None) -> WorkerPool:
    check_cluster_installed(address)
    from harness.execution.dask import DaskPool  # imports dask

    return DaskPool(address, _open_source, partial(reduce_for_runs, timeout=timeout))


def _check_names(suite: Suite) -> None:
    """Check that the file system can hold the records.

    Raises:
        InputError: If a run's id is too long for the name of a file.
    """
    longest = max((run.run_id for run in suite.runs()), key=len)
    if len(longest) > LONGEST_ID:
        raise InputError(
            f"{longest!r} has {len(longest)} characters and names a file, which may have "
            f"{LONGEST_ID}: give shorter labels, or move the dataset to a shorter path"
        )


def _check_positive(name: str, value: float, rule: str) -> None:
    if not value > 0:
        raise InputError(f"{name} {value}: {rule}")
