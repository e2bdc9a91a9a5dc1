"""The files that hold a results folder's records: one a run, or one for all, or both.

A run's record is written to a file of its own, ``records/RUN_ID.json``. Packing moves the records
to the lines of ``records.jsonl.xz``. A folder whose packed file is ``records.jsonl.gz``, or plain
``records.jsonl`` where somebody has decompressed it, keeps that form. Only this module knows of the
forms: whoever reads records asks it by run id. A run's own file wins over its line, because it was
written later, as by ``run --retry-failed``.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, starmap
from pathlib import Path
from typing import Final

from harness.core.errors import InputError
from harness.core.storage.checksums import is_sealed, unseal
from harness.core.storage.files import flush, write_whole
from harness.core.storage.sealed_lines import compact, seal_lines, unseal_lines

# How a packed record begins, so that its id is found without parsing all of it.
_BEGINNING: Final = re.compile(rb'\{"schema_version":\d+,"run_id":"([^"\\]+)"[,}]')
_DAMAGE: Final = (
    *(ValueError, LookupError, TypeError),
    *(gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError),
)
RESTORE: Final = "restore that file, as from git, or delete it and run the suite again"


@dataclass(frozen=True)
class StoredRecord:
    """A record as it is stored, not yet parsed."""

    run_id: str  # which its file is named after, or which its line says
    place: str  # where it is, for messages
    content: bytes  # of its own file, or its line
    version: int | None  # when its own file was written, in nanoseconds; None if it is packed

    @property
    def is_sealed(self) -> bool:
        """Whether a checksum covers it: its own, or that of the packed file."""
        return self.version is None or is_sealed(self.content)

    @property
    def remedy(self) -> str:
        """What to do if it is damaged."""
        return "delete it and run the suite again" if self.version is not None else RESTORE

    def json(self) -> bytes:
        """Return its JSON, without a checksum.

        Raises:
            ValueError: If its own checksum does not match.
        """
        return self.content if self.version is None else unseal(self.content)

    @cached_property
    def line(self) -> bytes:
        """Its JSON on one line, as it is packed."""
        return compact(self.json())


def record_path(directory: Path, run_id: str) -> Path:
    """Path of a run's own record file in a results folder."""
    return directory / "records" / f"{run_id}.json"


def packed_path(directory: Path) -> Path:
    """Path of the packed records of a results folder.

    Raises:
        InputError: If there are two such files.
    """
    return _the_one(_packed_forms(directory))


def _packed_forms(directory: Path) -> Sequence[Path]:
    return [directory / f"records.jsonl{suffix}" for suffix in (".xz", ".gz", "")]


def _the_one(forms: Sequence[Path]) -> Path:
    found = [path for path in forms if path.exists()]
    if len(found) > 1:
        raise InputError(
            f"{str(found[0].parent)!r} holds both {found[0].name} and {found[1].name}: one of them "
            "is the packed file; remove the other"
        )
    return found[0] if found else forms[0]


def own_ids(directory: Path) -> list[str]:
    """List the runs of a results folder whose record has a file of its own, sorted."""
    return sorted(path.stem for path in (directory / "records").glob("*.json"))


def read_own_file(path: Path) -> StoredRecord:
    """Read a record that has a file of its own.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    with path.open("rb") as file:
        written = os.fstat(file.fileno()).st_mtime_ns
        return StoredRecord(path.stem, repr(str(path)), file.read(), written)


def write_packed(path: Path, lines: Iterable[bytes]) -> None:
    """Write packed records, sorted by run id, to the disk, whole or not at all."""
    flush(write_whole(path, _compress(path, seal_lines(list(lines)))))


def read_packed(path: Path) -> dict[str, bytes]:
    """Read packed records: the line of each run id.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If a byte of it has changed, or is missing.
    """
    try:
        lines = unseal_lines(_decompress(path, path.read_bytes()))
        run_ids = list(map(_run_id, lines))
        if any(first >= second for first, second in pairwise(run_ids)):
            raise ValueError("its lines are not in the order of run ids")
    except _DAMAGE as error:
        raise InputError(
            f"{str(path)!r} does not hold packed records as they were written ({error}): {RESTORE}"
        ) from error
    return dict(zip(run_ids, lines, strict=True))


def _compress(path: Path, content: bytes) -> bytes:
    if path.suffix == ".xz":
        return lzma.compress(content, preset=lzma.PRESET_DEFAULT | lzma.PRESET_EXTREME)
    # Without the time, so that the same records give the same bytes.
    return gzip.compress(content, mtime=0) if path.suffix == ".gz" else content


def _decompress(path: Path, content: bytes) -> bytes:
    if path.suffix == ".xz":
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        text = stream.decompress(content)
        if not stream.eof or stream.unused_data:
            raise ValueError("it does not end where its records end")
        return text
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _run_id(line: bytes) -> str:
    found = _BEGINNING.match(line)
    return found[1].decode() if found else str(json.loads(line)["run_id"])


class RecordFiles:
    """The stored records of a results folder, which runners and `pack` may change meanwhile.

    Packing writes the packed file before it removes the first file of its own. So whoever looks
    for a run's own file first, and for its line when there is none, finds it at every moment,
    provided that the packed file is the one of after the first look. It is read once, and again
    only if it has been replaced, which each look asks the file system.
    """

    def __init__(self, directory: Path) -> None:
        """Look at a results folder; nothing is read yet."""
        self._directory = directory
        self._forms = _packed_forms(directory)
        self._lines: Mapping[str, bytes] = {}
        self._replaced: tuple[int, int, int] | None = None  # of the packed file that was read

    def run_ids(self) -> list[str]:
        """List the ids of all records, sorted.

        Raises:
            InputError: If the packed file is damaged.
        """
        own = own_ids(self._directory)  # before the packed file
        return sorted({*own, *self.packed()})

    def filled_ids(self) -> list[str]:
        """List the ids of all records, of which there must be at least one, sorted.

        Raises:
            InputError: If there is none, or the packed file is damaged.
        """
        run_ids = self.run_ids()
        if not run_ids:
            raise InputError(
                f"no records in {str(self._directory / 'records')!r}: give a results folder that "
                "`bellman-bench run` has written to"
            )
        return run_ids

    def find(self, run_id: str) -> StoredRecord | None:
        """Return the record of a run, if there is one.

        Raises:
            InputError: If it has no file of its own, and the packed file is damaged.
        """
        with suppress(FileNotFoundError):
            return read_own_file(record_path(self._directory, run_id))
        line = self.packed().get(run_id)
        return None if line is None else self._packed_record(run_id, line)

    def has_another(self, run_id: str, known: StoredRecord | None) -> bool:
        """Whether a run has another record by now than the known one, or one at all if None.

        A file of its own is another one if it was written at another time: packing writes none. A
        line is another record if it says something else: the known one may have been packed. Where
        there is none, it was removed by hand.

        Raises:
            InputError: If it has no file of its own, and the packed file is damaged.
        """
        written = _written(record_path(self._directory, run_id))
        if written is not None:
            return known is None or known.version != written[0]
        line = self.packed().get(run_id)
        return line is not None and (known is None or known.line != line)

    def packed_records(self) -> Iterator[StoredRecord]:
        """Yield every record of the packed file, in the order of run ids.

        Raises:
            InputError: If the packed file is damaged.
        """
        return starmap(self._packed_record, self.packed().items())

    def packed(self) -> Mapping[str, bytes]:
        """Return the lines of the packed file, as it is now, by run id.

        Raises:
            InputError: If the packed file is damaged.
        """
        path = _the_one(self._forms)
        replaced = _written(path)
        if replaced != self._replaced:
            self._lines = {}
            with suppress(FileNotFoundError):
                self._lines = read_packed(path)
            self._replaced = replaced
        return self._lines

    def _packed_record(self, run_id: str, line: bytes) -> StoredRecord:
        place = f"the line of {run_id} in {str(_the_one(self._forms))!r}"
        return StoredRecord(run_id, place, line, None)


def _written(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from another one that has replaced it; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
