"""Progress of a suite: a progress bar, or one JSON line per event."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.core.records import RunRecord


def show_bar(console: Console, total: int, records: Iterator[RunRecord]) -> Iterator[RunRecord]:
    """Pass records on while showing runs done and failed and the estimated time left."""
    columns = (
        TextColumn("runs"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("runs", total=total, failed=0)
        failed = 0
        for record in records:
            failed += record.status == "failed"
            progress.update(task, advance=1, failed=failed)
            yield record


def log_events(total: int, records: Iterator[RunRecord]) -> Iterator[RunRecord]:
    """Pass records on while writing an event for the start, each record and the end."""
    done = failed = 0
    write_event("start", due=total)
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
            left=total - done - failed,
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
