"""Suites: which there are, and running one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from harness.core.errors import InputError, input_error, unknown_name
from harness.core.records import RunRecord, read_record, record_paths
from harness.core.specs import RunSpec, Suite
from harness.execution.cache import AnyReduction, cache_folder, tidy
from harness.execution.local import LocalCrew
from harness.execution.runner import due_runs, run_all
from harness.execution.status import write_suite
from harness.execution.worker import Failure, attempt, failed_record, record_run
from harness.execution.worker_pool import Crew, check_cluster_installed
from harness.tasks.named_runs import (
    Source,
    check_names,
    check_runnable,
    check_same_data,
    check_same_parameters,
    execute_named,
    open_source,
    prepare,
    reduce_named,
)


def shipped_suites() -> dict[str, str]:
    """Names of the suites that come with the package, and their TOML."""
    folder = files("harness.suites")
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in found}


def load_suite(name_or_path: str) -> Suite:
    """Read a shipped suite by name, or a TOML file by path.

    Raises:
        InputError: If there is no such suite, or its text is not a valid suite.
    """
    shipped = shipped_suites()
    if name_or_path in shipped:
        return parse_suite(shipped[name_or_path], name_or_path)
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise unknown_name("suite", name_or_path, [*shipped, "a path ending in .toml"])
    if not path.is_file():
        raise InputError(f"no file {name_or_path!r}: give a shipped suite or an existing .toml")
    try:
        return parse_suite(path.read_text(encoding="utf-8"), name_or_path)
    except UnicodeDecodeError as error:
        raise InputError(f"{name_or_path!r} is not UTF-8 text ({error}): save it as such") from None


def parse_suite(text: str, source: str) -> Suite:
    """Validate a suite's TOML, the names and parameters of its reducers and learners included.

    Raises:
        InputError: Naming ``source`` and the first offence.
    """
    try:
        suite = Suite.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"suite {source!r} is not TOML: {error}; correct it") from error
    except ValidationError as error:
        raise input_error(f"suite {source!r}", error) from error
    check_names(suite)
    return suite


def run_suite(
    suite: Suite | str,
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
        suite: A suite, the name of a shipped one, or the path of a TOML file.
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
    suite = load_suite(suite) if isinstance(suite, str) else suite
    _check_positive("jobs", jobs, "at least one process is needed; give 1 or more")
    if timeout is not None:
        _check_positive("timeout", timeout, "a run needs some seconds; give more than 0")
    directory = Path(directory)
    due = due_runs(list(suite.runs()), directory, retry_failed)
    if not due:
        write_suite(directory, suite)
        return []
    check_runnable(suite)
    records = list(map(read_record, record_paths(directory)))
    check_same_parameters(suite, records)
    check_same_data(suite, records)
    crew = _cluster(scheduler, timeout) if scheduler else LocalCrew(min(jobs, len(due)))
    write_suite(directory, suite)
    cache = None if scheduler else cache_folder(directory)
    work = partial(perform, timeout=timeout, cache=cache)
    try:
        ended = run_all(due, work, directory, crew, timeout)
        return list(watch(len(due), ended) if watch else ended)
    finally:
        tidy(cache_folder(directory))


def perform(
    spec: RunSpec,
    sent: tuple[Source, AnyReduction | Failure | None] | None,
    timeout: float | None = None,
    cache: Path | None = None,
) -> RunRecord:
    """Do a named run in a worker, on one thread whatever the worker is set to.

    Args:
        spec: The run.
        sent: Its dataset and reduction, if they were sent along; the latter may have failed.
        timeout: Seconds after which it has failed.
        cache: A folder of reductions made before; None: reductions are made again.
    """
    source, reduction = sent or (None, None)
    if isinstance(reduction, Failure):
        return failed_record(spec, reduction.reason, reduction.error)
    with suppress(Exception):  # what fails here fails again in the run, and is recorded
        prepare(spec)
    execute = partial(execute_named, source=source, reduction=reduction, cache=cache)
    return record_run(spec, execute, timeout)


def reduce_for_runs(
    spec: RunSpec, source: Source, timeout: float | None = None
) -> AnyReduction | Failure:
    """Make a reduction in a worker for every run that needs it.

    Args:
        spec: One of those runs.
        source: Its dataset.
        timeout: Seconds after which it has failed.
    """
    return attempt(partial(reduce_named, spec, source), timeout)


def _cluster(address: str, timeout: float | None) -> Crew:
    check_cluster_installed(address)
    from harness.execution.dask import DaskCrew  # imports dask, which nothing else needs

    return DaskCrew(address, open_source, partial(reduce_for_runs, timeout=timeout))


def _check_positive(name: str, value: float, rule: str) -> None:
    if not value > 0:
        raise InputError(f"{name} {value}: {rule}")


__all__: list[str] = ["load_suite", "parse_suite", "run_suite", "shipped_suites"]
