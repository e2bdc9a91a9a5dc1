"""Reader of ``.npz`` files with arrays of transitions, under various names."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from envs.formats.base import Format
from envs.formats.named_arrays import find_names, note_names, to_columns
from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.classes.reading import AS_STORED, ActionKind, Reading
from harness.core.errors import InputError
from harness.core.storage.npz import METADATA, metadata_of, open_npz


class NpzFormat(Format):
    """NumPy ``.npz`` files with one array per field, under common or mapped names."""

    name: ClassVar[str] = "npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    takes_names: ClassVar[bool] = True

    def read(self, path: str, reading: Reading = AS_STORED) -> Recording:
        """Read the arrays; see `read_arrays`."""
        return read_arrays(path, reading)


def read_arrays(path: str, reading: Reading = AS_STORED) -> Recording:
    """Read rows from an ``.npz`` of arrays, including those that `Transitions.save` wrote.

    Only arrays with a known or mapped name are read, see `to_columns` for what they mean and
    `Columns.to_recording` for episodes and missing next observations. A JSON string ``metadata``
    may have ``action_count`` and the fields of `Reference`.

    Args:
        path: Path of the file.
        reading: Names of its arrays, and the kind and number of actions, if they must be said.

    Raises:
        InputError: If the file is missing or damaged, lacks an array, or one that is needed could
            only be unpickled.
    """
    _check_archive(path)
    try:
        with open_npz(Path(path)) as file:
            metadata = _metadata(file, path)
            held = [name for name in file.files if name != METADATA or metadata is None]
            names = find_names(path, held, reading.map)
            named = {ours: _plain(file, theirs, ours, path) for ours, theirs in names.items()}
    except (MemoryError, RecursionError) as error:
        raise InputError(
            f"{path!r} cannot be held ({type(error).__name__}): its arrays or metadata claim more "
            "than memory has room for; write smaller ones"
        ) from error
    columns = to_columns(path, named, note_names(names, held))
    named.clear()  # free memory
    count = _action_count(path, metadata or {})
    kind = reading.actions or _kind_of(count)
    reference = Reference.parse(metadata or {}, path)
    return columns.to_recording(reference, reading.action_count or count or None, kind)


def _plain(file: NpzFile, name: str, ours: str, path: str) -> NDArray[Any]:
    """Read an array, called ``name`` in the file.

    Raises:
        InputError: If it holds Python objects.
    """
    try:
        return np.asarray(file[name])
    except ValueError as error:
        raise InputError(
            f"{path!r}: array {name!r} cannot be read ({' '.join(str(error).split())}): it must "
            "hold plain numbers, and nothing is unpickled; store it as numbers, or name another by "
            f"--map {ours}=NAME"
        ) from error


def _metadata(file: NpzFile, path: str) -> dict[str, Any] | None:
    """Read the metadata; None if they are Python objects, which are not read."""
    if METADATA in file.files:
        try:
            file[METADATA]
        except ValueError:
            return None
    return metadata_of(file, Path(path))


def _check_archive(path: str) -> None:
    """Verify the checksum of every member; numpy does not notice a damaged directory."""
    if not Path(path).is_file():
        raise InputError(f"no file {path!r}: give the path of an existing .npz")
    damage = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
    try:
        with Path(path).open("rb") as file, zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
            # zipfile cuts names at a zero byte
            whole = len(archive.infolist()) == _count_members(file, archive)
            if not whole or any("\0" in member.orig_filename for member in archive.infolist()):
                damaged = damaged or "list of arrays"
    except (*damage, LookupError, ValueError) as error:
        raise InputError(
            f"{path!r} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}): it "
            "must be a sound .npz; write it again"
        ) from error
    if damaged:
        raise InputError(f"{path!r}: {damaged!r} is damaged; write the file again")


def _count_members(file: IO[bytes], archive: zipfile.ZipFile) -> int:
    """Return the number of members given at the end of the file.

    `zipfile` does not compare it with its list, which may lack an array after damage.
    """
    file.seek(-12 - len(archive.comment), os.SEEK_END)
    return int.from_bytes(file.read(2), "little")


def _action_count(path: str, metadata: Mapping[str, Any]) -> int | None:
    count = metadata.get("action_count")
    if count is None or (type(count) is int and count >= 0):
        return count
    raise InputError(
        f"{path!r}: action_count {count!r} in the metadata must be a positive integer, or 0 of "
        "continuous actions; correct it or leave it out"
    )


def _kind_of(count: int | None) -> ActionKind | None:
    """Tell what actions are whose number is in the metadata."""
    return None if count is None else "discrete" if count else "continuous"
