"""Packing of a results folder: its records, a file each, become the lines of one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.core.presentation.text import counted
from harness.core.records import RunRecord, parse_record
from harness.core.storage.files import remove_partials
from harness.core.storage.record_files import (
    RecordFiles,
    StoredRecord,
    own_ids,
    packed_path,
    read_own_file,
    read_packed,
    record_path,
    write_packed,
)
from harness.execution.leases import no_runs
from harness.execution.status import Status, read_status


@dataclass(frozen=True)
class Packing:
    """What was packed, and what that saved."""

    directory: Path
    records: int  # in the packed file
    moved: int  # of them from a file of their own, just now
    files: int  # fewer than before
    bytes: int  # fewer than before
    status: Status | None  # of the suite; None if it is not stored with the records

    def lines(self) -> Iterator[str]:
        """Format what was done, and what is left of a suite that is not finished."""
        path = packed_path(self.directory)
        if self.moved:
            in_all = "" if self.records == self.moved else f", {self.records:,} in all"
            yield (
                f"packed {counted(self.moved, 'record')} into {path}{in_all}: "
                f"{counted(self.files, 'file')} and {counted(self.bytes, 'byte')} saved"
            )
        else:
            yield f"already packed: {counted(self.records, 'record')} in {path}"
        if self.status and (self.status.left or self.status.failed):
            yield (
                f"not finished: {counted(len(self.status.left), 'run')} left and "
                f"{len(self.status.failed)} failed; `run` goes on from packed records too"
            )


def pack(directory: Path) -> Packing:
    """Move the records of a results folder into its packed file.

    The packed file is written whole and read back before the first record's own file is removed.
    Killed at any moment, every record is in one of the two forms, and packing again finishes.

    Raises:
        InputError: If there is no record, one is damaged, two of one run have different specs, or
            runs are in progress; nothing is changed then.
        OSError: If the packed file reads back other than it was written; nothing is removed then.
    """
    RecordFiles(directory).filled_ids()
    with no_runs(directory):
        remove_partials(directory)
        remove_partials(directory / "records")
        files = RecordFiles(directory)
        own = [read_own_file(record_path(directory, run_id)) for run_id in own_ids(directory)]
        before = files.packed()
        lines = _merge(directory, own, files)
        saved = sum(len(stored.content) for stored in own) + _size(directory)
        if own:
            _write(directory, own, lines)
        _remove(directory, own)
    return Packing(
        directory,
        records=len(lines),
        moved=len(own),
        files=len(own) - (not before),
        bytes=saved - _size(directory),
        status=_status(directory),
    )


def _merge(directory: Path, own: Sequence[StoredRecord], files: RecordFiles) -> dict[str, bytes]:
    """Check all records, and return the lines to be packed, sorted: a record's own file wins."""
    packed = {stored.run_id: _parse(stored) for stored in files.packed_records()}
    for stored in own:
        record = _parse(stored)
        other = packed.get(stored.run_id)
        if other and other.spec != record.spec:
            raise InputError(
                f"{stored.place} was made with other settings than the record of the same run in "
                f"{str(packed_path(directory))!r}: results of two protocols cannot share a folder; "
                "remove the one that does not belong to it"
            )
    merged = {**files.packed(), **{stored.run_id: stored.line for stored in own}}
    return dict(sorted(merged.items()))


def _parse(stored: StoredRecord) -> RunRecord:
    record = parse_record(stored)
    if not stored.run_id == record.run_id == record.spec.run_id:
        raise InputError(
            f"{stored.place} is the record of {record.spec.run_id}: it was copied or renamed; "
            "give it its name, or remove it"
        )
    return record


def _write(directory: Path, own: Sequence[StoredRecord], lines: Mapping[str, bytes]) -> None:
    """Write the packed file, and check that it can be read and says the same."""
    path = packed_path(directory)
    write_packed(path, lines.values())
    again = read_packed(path)
    if again != lines or not all(_say_the_same(again[stored.run_id], stored) for stored in own):
        raise OSError(f"{str(path)!r} reads back other than it was written; nothing was removed")


def _say_the_same(line: bytes, stored: StoredRecord) -> bool:
    """Whether a line has the values of a record's own file, to the last bit and in their order."""
    return json.dumps(json.loads(line)) == json.dumps(json.loads(stored.json()))


def _remove(directory: Path, own: Sequence[StoredRecord]) -> None:
    """Remove the files of packed records, but what a suspended runner has written meanwhile."""
    for stored in own:
        path = record_path(directory, stored.run_id)
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns == stored.version:
                path.unlink()
    with suppress(OSError):  # it holds what is not ours, or was never there
        (directory / "records").rmdir()


def _size(directory: Path) -> int:
    path = packed_path(directory)
    return path.stat().st_size if path.exists() else 0


def _status(directory: Path) -> Status | None:
    with suppress(InputError):  # older folders hold no suite
        return read_status(directory)
    return None
