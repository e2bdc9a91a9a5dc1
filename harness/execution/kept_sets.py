"""Kept sets: the reductions that a study used, in one file of its results folder.

Where a search ends depends on the last bits of sums, and so on the processor. Whoever repeats a
study elsewhere gets its own numbers if its sets are kept. The file ``sets.zip`` holds an ``.npz``
for each, with the arrays under their names, and ``index.json``, which tells the one of a key.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness.core.errors import InputError
from harness.core.reduction import Reducer, Reduction
from harness.core.rows import RowsT
from harness.core.storage.files import write_whole
from harness.execution.cache import pack_reduction, set_key, unpack_reduction

INDEX: Final = "index.json"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first date of a zip; the same sets give the same bytes
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, ValueError, LookupError, TypeError, EOFError)


@dataclass(frozen=True)
class KeptSet:
    """A reduction under a key that says, on every machine, how it was made."""

    name: str  # of its file in the archive, without the suffix
    key: str
    reduction: Reduction[Any]


def sets_path(directory: Path) -> Path:
    """Path of the kept sets of a results folder."""
    return directory / "sets.zip"


def write_sets(directory: Path, kept: Iterable[KeptSet]) -> int:
    """Add to the sets that a results folder keeps, whole or not at all, and return how many it has.

    A set takes the place of one of its name, which another version of its method made.

    Raises:
        InputError: If the archive that is there is damaged.
    """
    given = {one.key: (f"{one.name}.npz", pack_reduction(one.reduction)) for one in kept}
    names = {name for name, _ in given.values()}
    there = _entries(sets_path(directory)).items()
    found = {key: entry for key, entry in there if entry[0] not in names} | given
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, packed in sorted(found.values()):
            _add(archive, name, packed)
        index = {key: name for key, (name, _) in sorted(found.items())}
        _add(archive, INDEX, json.dumps(index, indent=1).encode())
    write_whole(sets_path(directory), content.getbuffer())
    return len(found)


def _entries(path: Path) -> dict[str, tuple[str, bytes]]:
    """Name and content of every set of an archive by its key; none if there is no archive."""
    if not path.exists():
        return {}
    with _named(path), zipfile.ZipFile(path) as archive:
        return {key: (name, archive.read(name)) for key, name in _index_of(archive).items()}


def check_taken(source: Path, directory: Path) -> None:
    """Check that the runs of a results folder can train on the sets that another one keeps.

    Raises:
        InputError: If the other one keeps none, or this one keeps others.
    """
    given, mine = sets_path(source), sets_path(directory)
    if not given.is_file():
        raise InputError(
            f"no file {str(given)!r}: name a results folder with kept sets, as `keep` writes them"
        )
    check_sets(source)
    if mine.exists() and mine.read_bytes() != given.read_bytes():
        raise InputError(
            f"{str(mine)!r} keeps other sets than {str(given)!r}: give another results folder"
        )


def take_sets(source: Path, directory: Path) -> None:
    """Let the runs of a results folder train on the sets that another one keeps."""
    write_whole(sets_path(directory), sets_path(source).read_bytes())


def check_sets(directory: Path) -> None:
    """Check that the sets that a results folder keeps, if any, are as they were written.

    Raises:
        InputError: If the archive is damaged.
    """
    path = sets_path(directory)
    if path.exists():
        with _named(path), zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None or INDEX not in archive.namelist():
                raise zipfile.BadZipFile


def find_set(
    directory: Path, reducer: Reducer[RowsT], rows: RowsT, size: int, seed: int
) -> Reduction[RowsT] | None:
    """Return the set that a results folder keeps of a reduction; None if there is none.

    Args:
        directory: The results folder.
        reducer: The method, with all parameters including defaults.
        rows: The data that it reduces.
        size: Number of rows.
        seed: Of the reduction.

    Raises:
        InputError: If the archive is damaged.
    """
    path = sets_path(directory)
    if not path.exists():
        return None
    key = set_key(reducer, rows, size, seed)
    return None if key is None else _read(path, key, type(rows))


def _read(path: Path, key: str, kind: type[RowsT]) -> Reduction[RowsT] | None:
    with _named(path), zipfile.ZipFile(path) as archive:
        name = _index(path, path.stat().st_mtime_ns).get(key)
        return None if name is None else unpack_reduction(archive.read(name), kind)


@lru_cache(maxsize=8)
def _index(path: Path, _version: int) -> Mapping[str, str]:
    with zipfile.ZipFile(path) as archive:
        return _index_of(archive)


def _index_of(archive: zipfile.ZipFile) -> dict[str, str]:
    index: dict[str, str] = json.loads(archive.read(INDEX))
    return index


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Make one line of whatever a damaged archive raises."""
    try:
        yield
    except _DAMAGE as error:
        raise InputError(
            f"{str(path)!r} does not hold kept sets ({type(error).__name__}): restore that file, "
            "as from git, or delete it, and sets are made anew"
        ) from error
