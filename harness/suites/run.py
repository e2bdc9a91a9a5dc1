"""Running a suite: what its results folder still lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.records import RunRecord, read_record, record_paths
from harness.core.reduction import Reduction
from harness.core.specs import RunSpec, Suite
from harness.execution.cache import cache_folder, tidy
from harness.execution.local import LocalPool
from harness.execution.runner import pending_runs, run_all
from harness.execution.status import write_suite
from harness.execution.worker import Failure, attempt, failed_record, record_run
from harness.execution.worker_pool import WorkerPool, check_cluster_installed
from harness.suites.loading import load_suite, make_suite
from harness.tasks.kinds import task_of
from harness.tasks.resuming import check_same_data, check_same_parameters


def run_suite(
    suite: Suite | Mapping[str, Any] | str,
    directory: Path | str,
    jobs: int = 1,
    watch: Callable[[int, Iterator[RunRecord]], Iterator[RunRecord]] | None = None,
    *,
    scheduler: str | None = None,
    timeout: float | None = None,
    retry_failed: bool = False,
) -> list[RunRecord]:
    """Run what a suite still lacks in a results folder.

    Several runners may share a folder; each run is done by one of them, and each reduction made
    once for all runs that need it: by processes in the folder's ``cache``, which may be deleted at
    any time, and on a cluster by the scheduler.

    Args:
        suite: A suite, the values of one as its TOML has them, the name of a shipped one, or the
            path of a TOML file. Reducers and learners may be objects, ``EveryNth(step=3)``, of
            classes that worker processes can import.
        directory: The results folder; records go to its ``records``.
        jobs: Processes.
        watch: Wraps the records as they come, given how many are due; for progress bars.
        scheduler: Address of a Dask scheduler whose workers do the runs, instead of processes.
        timeout: Seconds after which a run has failed.
        retry_failed: Whether to repeat the runs whose record says that they failed.

    Returns:
        The new records, failed ones included, in the order in which they ended.

    Raises:
        InputError: If the suite, a dataset or a size cannot be used, or the folder's records are
            of other data or parameters; nothing has run then.
        Stopped: On SIGINT and SIGTERM, once the workers have ended.
    """
    suite = _as_suite(suite)
    _check_positive("jobs", jobs, "at least one process is needed; give 1 or more")
    if timeout is not None:
        _check_positive("timeout", timeout, "a run needs some seconds; give more than 0")
    directory = Path(directory)
    due = pending_runs(list(suite.runs()), directory, retry_failed)
    if not due:
        write_suite(directory, suite)
        tidy(cache_folder(directory))  # what a killed runner has left
        return []
    task_of(suite).check(suite)
    records = list(map(read_record, record_paths(directory)))
    check_same_parameters(suite, records)
    check_same_data(suite, records)
    pool = _cluster(scheduler, timeout) if scheduler else LocalPool(min(jobs, len(due)))
    write_suite(directory, suite)
    cache = None if scheduler else cache_folder(directory)
    work = partial(perform, timeout=timeout, cache=cache)
    try:
        ended = run_all(due, work, directory, pool, timeout)
        return list(watch(len(due), ended) if watch else ended)
    finally:
        tidy(cache_folder(directory))


def perform(
    spec: RunSpec,
    sent: tuple[Any, Reduction[Any] | Failure | None] | None,
    timeout: float | None = None,
    cache: Path | None = None,
) -> RunRecord:
    """Do a run in a worker, on one thread whatever the worker is set to.

    Args:
        spec: The run.
        sent: Its dataset and reduction, if they were sent along; the latter may have failed.
        timeout: Seconds after which it has failed.
        cache: A folder of reductions made before; None: reductions are made again.
    """
    source, reduction = sent or (None, None)
    if isinstance(reduction, Failure):
        return failed_record(spec, reduction.reason, reduction.error)
    task = task_of(spec)
    with suppress(Exception, SystemExit):  # what fails here fails again in the run, and is recorded
        task.prepare(spec)
    return record_run(
        spec, partial(task.run, source=source, reduction=reduction, cache=cache), timeout
    )


def reduce_for_runs(
    spec: RunSpec, source: Any, timeout: float | None = None
) -> Reduction[Any] | Failure:
    """Make a reduction in a worker for every run that needs it.

    Args:
        spec: One of those runs.
        source: Its dataset.
        timeout: Seconds after which it has failed.
    """
    return attempt(partial(task_of(spec).reduce, spec, source), timeout)


def _as_suite(suite: Suite | Mapping[str, Any] | str) -> Suite:
    if isinstance(suite, str):
        return load_suite(suite)
    return suite if isinstance(suite, Suite) else make_suite(suite, "given")


def _open_source(spec: RunSpec) -> Any:
    return task_of(spec).open(spec)


def _cluster(address: str, timeout: float | None) -> WorkerPool:
    check_cluster_installed(address)
    from harness.execution.dask import DaskPool  # imports dask, which nothing else needs

    return DaskPool(address, _open_source, partial(reduce_for_runs, timeout=timeout))


def _check_positive(name: str, value: float, rule: str) -> None:
    if not value > 0:
        raise InputError(f"{name} {value}: {rule}")
