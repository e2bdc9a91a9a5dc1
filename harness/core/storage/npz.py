"""Arrays with JSON metadata in an ``.npz``, written atomically and read without unpickling."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
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


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read the arrays of an ``.npz``, and its metadata if it has any.

    Raises:
        InputError: If the file is missing or damaged, or contains anything but plain arrays.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: give the path of an existing .npz")
    try:
        with path.open("rb") as opened:
            arrays, metadata = unpack_arrays(opened)
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({type(error).__name__}): it must be an .npz of plain "
            "arrays, with JSON metadata if any; write it again, as with numpy.savez"
        ) from error
    if not isinstance(metadata, dict):
        raise InputError(f"{str(path)!r}: metadata must be a JSON object; write it as one")
    return arrays, metadata


def unpack_arrays(content: IO[bytes]) -> tuple[dict[str, NDArray[Any]], Any]:
    """Read the arrays of an open ``.npz``, and its metadata, which may be any JSON.

    A member that is not an array is returned as bytes, which no reader accepts as numbers.
    """
    with np.load(content, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name]) for name in file.files}
    return arrays, json.loads(str(arrays.pop(METADATA, "{}")))
