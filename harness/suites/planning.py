"""What a suite would still execute, and about how long that takes; nothing is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.presentation.text import counted, duration, listed
from harness.core.records import read_present_records
from harness.core.specs import Suite
from harness.execution.worker_pool import reduction_identity
from harness.suites.checks import Asked, check_runs, datasets_to_be_had
from harness.suites.costs import expected_seconds, recorded_seconds, speed


@dataclass(frozen=True)
class Plan:
    """The pending runs of a suite, and the seconds that they are expected to take."""

    pending: int
    there: int  # runs that have a record
    reductions: int  # that the pending runs share
    seconds: float  # on one core
    records: int  # whose seconds the estimate rests on; none: on measured costs alone
    unchecked: tuple[str, ...]  # datasets that would be collected or downloaded first

    def lines(self, jobs: int) -> Iterator[str]:
        """Say what would be run by so many workers, and what the estimate is."""
        there = f", {self.there:,} already there" if self.there else ""
        yield (
            f"{counted(self.pending, 'run')} to execute on "
            f"{counted(self.reductions, 'reduction')}{there}"
        )
        if self.pending:
            shared = self.seconds / max(1, min(jobs, self.pending))
            yield f"about {duration(shared)} by {counted(jobs, 'worker')}: {self._basis()}"
        if self.pending and self.unchecked:
            yield f"not here yet, and so not checked: {listed(self.unchecked)}"

    def _basis(self) -> str:
        if self.records:
            return f"an estimate from the seconds of {counted(self.records, 'record')} there"
        return (
            "a rough estimate, from costs measured on another machine and the speed of this one, "
            "that can be wrong by a factor of three"
        )


def plan_suite(suite: Suite, directory: Path, asked: Asked) -> Plan:
    """List what a suite would still execute in a results folder, and estimate its seconds.

    Records there tell how fast the machine is; without any, a moment of arithmetic does. Nothing is
    written, and no dataset collected or downloaded: those that are not here are not checked.

    Args:
        suite: The suite.
        directory: Its results folder, which need not exist.
        asked: How it would be run.

    Raises:
        InputError: As `run_suite` does before anything is run.
    """
    runs = list(suite.runs())
    due = [pending.spec for pending in check_runs(suite, directory, asked, fetch=False)]
    mine = {spec.run_id for spec in runs}  # others may name what is not here
    records = read_present_records(directory)
    done = [record for record in records if record.result and record.run_id in mine]
    expected = sum(expected_seconds(due).values())
    if done:
        measured = sum(expected_seconds(record.spec for record in done).values())
        expected *= recorded_seconds(done) / measured
    else:
        expected /= speed()
    return Plan(
        pending=len(due),
        there=len(runs) - len(due),
        reductions=len(set(map(reduction_identity, due))),
        seconds=expected,
        records=len(done),
        unchecked=tuple(datasets_to_be_had(suite)),
    )
