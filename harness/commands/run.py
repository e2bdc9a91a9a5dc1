"""The command `run`: execute the pending runs of a suite."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import (
    DataFolder,
    Offline,
    Stop,
    SuiteName,
    ask_no_hub,
    check_folder,
    name_data_folder,
    notices,
    output,
)
from harness.core.classes.reading import AS_STORED, Reading

if TYPE_CHECKING:
    from harness.core.records import RunRecord
    from harness.core.specs import Suite
    from harness.execution.tracking.base import Tracker, Watch
    from harness.suites.checks import Asked

logger = logging.getLogger("bellman_bench")

ResultsOption = Annotated[
    Path | None, typer.Option(help="Results folder; by default results/SUITE.")
]
Jobs = Annotated[int, typer.Option(help="Processes.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Dask scheduler to run on, instead of processes.")
]
Timeout = Annotated[
    float | None, typer.Option(help="Seconds after which a run is recorded as failed.")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Repeat the failed runs.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be run, and about how long; run nothing.")
]
LogJson = Annotated[
    bool, typer.Option("--log-json", help="One JSON line per event, instead of a progress bar.")
]
TensorBoardFolder = Annotated[
    str | None, typer.Option(help="Folder for learning curves, for TensorBoard.")
]
WandbProject = Annotated[
    str | None,
    typer.Option(help="Project of Weights & Biases; kept here unless WANDB_MODE says online."),
]
MLflowExperiment = Annotated[
    str | None, typer.Option(help="Experiment of MLflow, where MLFLOW_TRACKING_URI says.")
]
EngineName = Annotated[
    str | None,
    typer.Option(
        help="What trains networks, instead of the suite's engine: d3rlpy, or fast, which does "
        "the same in compiled code."
    ),
]
Sets = Annotated[
    Path | None,
    typer.Option(help="Results folder whose kept sets are trained on, where it has them."),
]


@takes_reading()
def run(
    suite: SuiteName,
    reading: Reading,
    results: ResultsOption = None,
    jobs: Jobs = 1,
    scheduler: Scheduler = None,
    timeout: Timeout = None,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
    log_json: LogJson = False,
    tensorboard: TensorBoardFolder = None,
    wandb: WandbProject = None,
    mlflow: MLflowExperiment = None,
    engine: EngineName = None,
    sets: Sets = None,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Execute all runs of a suite that have no record in its results folder yet."""
    name_data_folder(data_dir)
    ask_no_hub(offline)
    loaded = _load(suite, reading, engine)
    folder = results or Path("results") / loaded.name
    check_folder(folder, to_write=not dry_run)
    trackers = _trackers(tensorboard, wandb, mlflow)
    if dry_run:
        from harness.suites.checks import Asked

        _print_plan(loaded, folder, Asked(jobs, scheduler, timeout, retry_failed, sets))
        return
    from harness.suites.run import run_suite

    watch = _watch(log_json, trackers)
    with _stops_told(folder):
        records = run_suite(
            loaded,
            folder,
            jobs,
            watch,
            scheduler=scheduler,
            timeout=timeout,
            retry_failed=retry_failed,
            sets=sets,
        )
    _print_end(folder, records)


def _load(suite: str, reading: Reading, engine: str | None) -> Suite:
    from harness.suites.loading import as_read, load_suite, with_engine

    loaded = load_suite(suite)
    if reading != AS_STORED:
        loaded = as_read(loaded, reading)
    return with_engine(loaded, engine) if engine else loaded


def _print_plan(suite: Suite, folder: Path, asked: Asked) -> None:
    from harness.suites.planning import plan_suite

    for line in plan_suite(suite, folder, asked).lines(asked.jobs):
        output.print(line, markup=False)


def _trackers(
    tensorboard: str | None, wandb: str | None, mlflow: str | None
) -> list[tuple[type[Tracker], str]]:
    """Return what follows the runs, and where to.

    Raises:
        InputError: If a library that it needs is not installed.
    """
    from harness.execution.tracking.mlflow import MLflow
    from harness.execution.tracking.tensorboard import TensorBoard
    from harness.execution.tracking.wandb import WeightsAndBiases

    given = ((TensorBoard, tensorboard), (WeightsAndBiases, wandb), (MLflow, mlflow))
    wanted: list[tuple[type[Tracker], str]] = [(kind, place) for kind, place in given if place]
    for kind, place in wanted:
        kind.check_installed(place)
    return wanted


def _watch(log_json: bool, trackers: Sequence[tuple[type[Tracker], str]]) -> Watch:
    """Show progress, and write what ends to whatever follows it."""
    from harness.execution.progress import NoticeHandler, log_events, show_bar

    logger.handlers = [NoticeHandler(None if log_json else notices)]
    watch: Watch = log_events if log_json else partial(show_bar, notices)
    for kind, place in trackers:
        watch = kind(place).watched_by(watch)
    return watch


@contextmanager
def _stops_told(folder: Path) -> Iterator[None]:
    """Say what is left where a signal stops the runs.

    Raises:
        Stop: Then.
    """
    from harness.execution.runner import Stopped
    from harness.execution.status import read_status

    try:
        yield
    except Stopped as stop:
        logger.error(read_status(folder).stopped_line())
        raise Stop(128 + stop.signal_number) from None  # the remaining runs were reported


def _print_end(folder: Path, records: Sequence[RunRecord]) -> None:
    """Count the ended runs and list the failed ones.

    Raises:
        Exit: With status 1 if the folder has any.
    """
    from harness.execution.status import read_status

    now = read_status(folder)
    output.print(f"{now.ended_line(records)}; records in {folder}", markup=False)
    for line in now.failure_lines():
        logger.error(line)
    if now.failed:
        raise typer.Exit(1)
