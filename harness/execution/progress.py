"""Progress of a suite: a progress bar, or one JSON line per event."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.core.presentation.text import duration
from harness.core.records import RunRecord


class TimeLeft:
    """Estimates the time left by what the ended runs were expected to take, and took.

    Expected seconds need to be right relative to each other only: how fast the machine is, how many
    processes share the work and what else they do shows in the time that has passed.
    """

    def __init__(self, pending: Mapping[str, float]) -> None:
        """Keep the expected seconds of every pending run, by run id."""
        self._pending = pending
        self._left = sum(pending.values())
        self._ended = 0.0

    def after(self, run_id: str, elapsed: float) -> float:
        """Seconds left when a run has ended, ``elapsed`` seconds after the start."""
        self._ended += self._pending[run_id]
        self._left -= self._pending[run_id]
        return max(elapsed * self._left / self._ended, 0.0)  # sums are rounded


def show_bar(
    console: Console, pending: Mapping[str, float], records: Iterator[RunRecord]
) -> Iterator[RunRecord]:
    """Pass records on while showing runs done and failed, time passed and time left."""
    columns = (
        TextColumn("runs"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    time_left = TimeLeft(pending)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("runs", total=len(pending), failed=0, left="")
        failed, begun = 0, time.monotonic()
        for record in records:
            failed += record.status == "failed"
            left = time_left.after(record.run_id, time.monotonic() - begun)
            progress.update(task, advance=1, failed=failed, left=f"about {duration(left)} left")
            yield record


def log_events(pending: Mapping[str, float], records: Iterator[RunRecord]) -> Iterator[RunRecord]:
    """Pass records on while writing an event for the start, each record and the end."""
    done = failed = 0
    time_left, begun = TimeLeft(pending), time.monotonic()
    write_event("start", due=len(pending))
    for record in records:
        done, failed = done + (record.status == "completed"), failed + (record.status == "failed")
        seconds = record.result.seconds.model_dump() if record.result else None
        write_event(
            "run",
            run_id=record.run_id,
            status=record.status,
            reason=record.reason,
            seconds=seconds,
            done=done,
            failed=failed,
            left=len(pending) - done - failed,
            seconds_left=round(time_left.after(record.run_id, time.monotonic() - begun), 1),
        )
        yield record
    write_event("end", done=done, failed=failed)


def write_event(event: str, **facts: object) -> None:
    """Write an event as a JSON line to standard error, with the time in seconds since the epoch."""
    print(json.dumps({"time": time.time(), "event": event, **facts}), file=sys.stderr, flush=True)


class NoticeHandler(logging.Handler):
    """Shows log messages of this package on the console, or as events."""

    def __init__(self, console: Console | None) -> None:
        """Print to ``console``; None: write events."""
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        if self._console:
            style = "red" if record.levelno >= logging.ERROR else "yellow"
            self._console.print(record.getMessage(), style=style, markup=False)
        else:
            write_event("notice", message=record.getMessage())
