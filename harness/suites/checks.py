"""What is checked before a suite is run, and by a dry run as well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import InputError
from harness.core.records import read_present_records
from harness.core.specs import Suite
from harness.execution.kept_sets import check_sets, check_taken
from harness.execution.runner import PendingRun, pending_runs
from harness.execution.worker_pool import check_cluster_installed
from harness.tasks.kinds import task_of
from harness.tasks.resuming import check_same_data, check_same_parameters

LONGEST_ID: Final = 180  # characters of a run's id; with what is added, file systems allow 255


@dataclass(frozen=True)
class Asked:
    """How a suite is to be run; see `run_suite`."""

    jobs: int = 1
    scheduler: str | None = None
    timeout: float | None = None
    retry_failed: bool = False
    sets: Path | None = None


def check_runs(
    suite: Suite, directory: Path, asked: Asked, *, fetch: bool = True
) -> list[PendingRun]:
    """Check whether a suite can be run in a results folder, and return the runs that are due.

    Nothing is written to the folder, which need not exist.

    Args:
        suite: The suite.
        directory: Its results folder.
        asked: How it is to be run.
        fetch: Whether datasets that are not here are collected or downloaded, if a run is due;
            else they are not checked.

    Raises:
        InputError: As `run_suite` does before anything is run.
    """
    _check_positive("jobs", asked.jobs, "at least one process is needed; give 1 or more")
    if asked.timeout is not None:
        _check_positive("timeout", asked.timeout, "a run needs time; give more than 0 seconds")
    _check_names(suite)
    if asked.sets is not None:
        _check_taken(asked.sets, directory, asked.scheduler)
    due = pending_runs(list(suite.runs()), directory, asked.retry_failed)
    if due:
        task_of(suite).check(suite, () if fetch else datasets_to_be_had(suite))
        check_sets(directory)
        if asked.scheduler:
            check_cluster_installed(asked.scheduler)
    _check_records(suite, directory, fetch=fetch and bool(due))
    return due


def datasets_to_be_had(suite: Suite) -> list[str]:
    """Return the datasets of a suite that would be collected or downloaded first."""
    return [dataset for dataset in suite.datasets if task_of(suite).is_to_be_had(dataset)]


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


def _check_taken(sets: Path, directory: Path, scheduler: str | None) -> None:
    if scheduler:
        raise InputError(
            f"kept sets of {str(sets)!r}: a cluster's workers make theirs anew; leave out the "
            "scheduler, or the sets"
        )
    check_taken(sets, directory)


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
