"""Status of a results folder, which can be read while runners work on it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.core.errors import InputError
from harness.core.presentation.text import counted
from harness.core.records import RunRecord, parse_record
from harness.core.specs import Suite
from harness.core.storage.checksums import seal, unseal
from harness.core.storage.files import write_whole
from harness.core.storage.record_files import RecordFiles
from harness.execution.leases import Lease, read_leases


@dataclass(frozen=True)
class Status:
    """The runs of a suite by state: done, failed, leased, left or damaged."""

    done: int
    failed: list[RunRecord]
    leased: list[Lease]  # by a live runner
    left: list[str]  # ids of pending runs that are not leased
    damaged: list[str]  # defects of records that cannot be read

    def lines(self) -> Iterator[str]:
        """Format the status: counts, then each failed, leased or damaged run."""
        total = self.done + len(self.failed) + len(self.leased) + len(self.left)
        total += len(self.damaged)
        yield (
            f"{self.done} of {counted(total, 'run')} done, {len(self.failed)} failed, "
            f"{len(self.leased)} leased, {len(self.left)} left"
        )
        for lease in self.leased:
            holder = lease.holder
            yield (
                f"leased: {lease.run_id} by process {holder.pid} on {holder.host}, "
                f"seen {max(lease.silence, 0):.0f} s ago"
            )
        yield from map(failure_line, self.failed)
        yield from (f"damaged: {damage}" for damage in self.damaged)

    def stopped_line(self) -> str:
        """Format the counts for a runner that was stopped."""
        left = len(self.left) + len(self.leased)
        return (
            f"stopped: {counted(self.done, 'run')} done, {len(self.failed)} failed, {left} left; "
            "run the same command again to resume"
        )

    def ended_line(self, ended: Sequence[RunRecord]) -> str:
        """Format the counts for a runner that has ended, given its records."""
        failed = sum(record.status == "failed" for record in ended)
        there = self.done + len(self.failed) - len(ended)
        return f"{counted(len(ended) - failed, 'run')} done, {failed} failed, {there} already there"

    def failure_lines(self) -> Iterator[str]:
        """List the failed runs, and how to repeat them."""
        yield from map(failure_line, self.failed)
        if self.failed:
            failed = counted(len(self.failed), "run")
            yield f"{failed} failed: repeat only the failed runs with --retry-failed"


def failure_line(record: RunRecord) -> str:
    """Format a failed run with the reason and the last line of its error."""
    return f"failed: {record.run_id}: {record.reason or 'exception'}: {record.failure}"


def write_suite(directory: Path, suite: Suite) -> None:
    """Write the suite next to its records, with a checksum, for `read_status`."""
    path, content = _suite_path(directory), seal(suite.model_dump_json(indent=1).encode())
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content)


def read_status(directory: Path) -> Status:
    """Compare a results folder with the suite that is stored in it.

    Raises:
        InputError: If there is no suite, or it or the packed file cannot be read.
    """
    leases = {lease.run_id: lease for lease in read_leases(directory, time.time())}
    done, failed, leased, left, damaged = 0, [], [], [], []
    files = RecordFiles(directory)
    for spec in _read_suite(directory).runs():
        stored = files.find(spec.run_id)
        try:
            record = parse_record(stored) if stored else None
        except InputError as error:
            damaged.append(str(error))
            continue
        if spec.run_id in leases and (record is None or record.status == "failed"):
            leased.append(leases[spec.run_id])  # a leased failed run is being repeated
        elif record is None:
            left.append(spec.run_id)
        elif record.status == "failed":
            failed.append(record)
        else:
            done += 1
    return Status(done, failed, leased, left, damaged)


def suite_name(directory: Path) -> str:
    """Name of the suite that is stored in a results folder; of an old one the folder's own name.

    Raises:
        InputError: If the suite cannot be read.
    """
    stored = _suite_path(directory).exists()
    return _read_suite(directory).name if stored else directory.resolve().name


def _suite_path(directory: Path) -> Path:
    return directory / "suite.json"


def _read_suite(directory: Path) -> Suite:
    path = _suite_path(directory)
    try:
        return Suite.model_validate_json(unseal(path.read_bytes()))
    except FileNotFoundError:
        raise InputError(
            f"no file {str(path)!r}: give a results folder that `bellman-bench run` has written to"
        ) from None
    except ValidationError as error:
        raise _damaged(path, error.errors()[0]["msg"]) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"{str(path)!r} is not a suite ({what}): run the suite again")
