"""The command `run`: execute the pending runs of a suite."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import (
    DataFolder,
    Offline,
    Stop,
    ask_no_hub,
    check_folder,
    name_data_folder,
    notices,
    output,
)
from harness.core.reading import AS_STORED, Reading


@takes_reading()
def run(
    suite: Annotated[str, typer.Argument(help="A shipped suite, or the path of a TOML file.")],
    reading: Reading,
    results: Annotated[
        Path | None, typer.Option(help="Results folder; by default results/SUITE.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler to run on, instead of processes.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a run is recorded as failed.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Repeat the failed runs.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="One JSON line per event, instead of a progress bar.")
    ] = False,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for learning curves, for TensorBoard.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="What trains networks, instead of the suite's engine: d3rlpy, or fast, which does "
            "the same in compiled code."
        ),
    ] = None,
    sets: Annotated[
        Path | None,
        typer.Option(help="Results folder whose kept sets are trained on, where it has them."),
    ] = None,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Execute all runs of a suite that have no record in its results folder yet."""
    from harness.execution.progress import NoticeHandler, log_events, show_bar
    from harness.execution.runner import Stopped
    from harness.execution.status import read_status
    from harness.execution.tensorboard import Watch, with_curves
    from harness.suites.loading import as_read, load_suite, with_engine
    from harness.suites.run import run_suite

    name_data_folder(data_dir)
    ask_no_hub(offline)
    loaded = load_suite(suite)
    if reading != AS_STORED:
        loaded = as_read(loaded, reading)
    if engine:
        loaded = with_engine(loaded, engine)
    folder = results or Path("results") / loaded.name
    check_folder(folder)
    logger = logging.getLogger("bellman_bench")
    logger.handlers = [NoticeHandler(None if log_json else notices)]
    watch: Watch = log_events if log_json else partial(show_bar, notices)
    if tensorboard:
        watch = with_curves(tensorboard, watch)
    try:
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
    except Stopped as stop:
        logger.error(read_status(folder).stopped_line())
        raise Stop(128 + stop.signal_number) from None  # the remaining runs were reported
    now = read_status(folder)
    output.print(f"{now.ended_line(records)}; records in {folder}", markup=False)
    for line in now.failure_lines():
        logger.error(line)
    if now.failed:
        raise typer.Exit(1)
