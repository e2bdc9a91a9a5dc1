"""Arrays with JSON metadata in an ``.npz``, written atomically and read without unpickling."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from harness.core.errors import InputError
from harness.core.storage.files import write_whole

METADATA = "metadata"  # name of the JSON string beside the arrays


def save_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> None:
    """Write arrays and a JSON ``metadata`` string atomically."""
    write_whole(path, pack_arrays(arrays, metadata))


def pack_arrays(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> memoryview:
    """Return the bytes of the ``.npz`` that `save_arrays` writes."""
    content = io.BytesIO()
    text = np.array(json.dumps(metadata, sort_keys=True))
    np.savez(content, allow_pickle=False, **{METADATA: text}, **arrays)
    return content.getbuffer()


@contextmanager
def open_npz(path: Path) -> Iterator[NpzFile]:
    """Open an ``.npz``, whose arrays are read one by one, when they are asked for.

    Raises:
        InputError: If the file is missing or damaged, or what is asked for is no plain array; also
            for what is raised inside the block on reading it.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: give the path of an existing .npz")
    try:
        with path.open("rb") as opened, _open(opened) as file:
            yield file
    except InputError:
        raise
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({type(error).__name__}): it must be an .npz of plain "
            "arrays, with JSON metadata if any; write it again, as with numpy.savez"
        ) from error


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read the arrays of an ``.npz``, and its metadata if it has any.

    Raises:
        InputError: If the file is missing or damaged, or contains anything but plain arrays.
    """
    with open_npz(path) as file:
        return _arrays_of(file), metadata_of(file, path)


def load_metadata(path: Path) -> dict[str, Any]:
    """Read the metadata of an ``.npz`` alone; see `load_arrays`."""
    with open_npz(path) as file:
        return metadata_of(file, path)


def metadata_of(file: NpzFile, path: Path) -> dict[str, Any]:
    """Read the metadata of an open ``.npz``, empty if it has none.

    Raises:
        InputError: If they are no JSON object.
    """
    metadata = _metadata_of(file)
    if not isinstance(metadata, dict):
        raise InputError(f"{str(path)!r}: metadata must be a JSON object; write it as one")
    return metadata


def unpack_arrays(content: IO[bytes]) -> tuple[dict[str, NDArray[Any]], Any]:
    """Read the arrays of an open ``.npz``, and its metadata, which may be any JSON.

    A member that is not an array is returned as bytes, which no reader accepts as numbers.
    """
    with _open(content) as file:
        return _arrays_of(file), _metadata_of(file)


def _open(content: IO[bytes]) -> NpzFile:
    return NpzFile(content, allow_pickle=False)


def _arrays_of(file: NpzFile) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(file[name]) for name in file.files if name != METADATA}


def _metadata_of(file: NpzFile) -> Any:
    return json.loads(str(file[METADATA]) if METADATA in file.files else "{}")
