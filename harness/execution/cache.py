"""Reductions on disk: each made once for all runs and runners of a results folder.

An entry is named by the hash of whatever determines a reduction, the version of its method and the
libraries included, so that one which no longer holds is never found. It is an ``.npz`` under a
checksum of its name and content, looked at before anything else of it is.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import logging
import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import hash_arrays
from harness.core.errors import InputError, is_own
from harness.core.reduction import Reducer, Reduction
from harness.core.rows import Rows, RowsT
from harness.core.storage.files import remove_partials, write_whole
from harness.core.storage.locks import locked, remove_free_locks
from harness.core.storage.npz import pack_arrays, unpack_arrays
from harness.execution.provenance import take_provenance

WORTH_KEEPING: Final = 0.1  # seconds of making from which on a reduction is written
LIBRARIES: Final = ("coreax", "jax", "jaxlib", "numpy", "scikit-learn", "scipy", "torch")

logger = logging.getLogger("bellman_bench")


def cache_folder(directory: Path) -> Path:
    """Where the reductions of a results folder lie."""
    return directory / "cache" / "reductions"


def cache_key(reducer: Reducer[Any], rows: Rows, size: int, seed: int) -> str | None:
    """Name the reduction that a reducer makes.

    The code of a method that comes with the package counts by its ``cache_version``, that of a
    user's class by its file as well: who works on a method does not think of versions. Modules that
    such a file imports do not count.

    Args:
        reducer: With every parameter, defaults too.
        rows: What it reduces.
        size: Rows to keep or make.
        seed: Fixes whatever is random in the method.

    Returns:
        None if the code of the method is not known.
    """
    classes = [_identity_of(type(part)) for part in reducer.parts()]
    if None in classes:
        return None
    method = (classes, reducer.model_dump())
    identity = (method, _rows_hash(rows), size, seed, _surroundings())
    return hashlib.sha256(repr(identity).encode()).hexdigest()


def fetch(
    folder: Path, key: str, make: Callable[[], Reduction[RowsT]], kind: type[RowsT]
) -> Reduction[RowsT]:
    """Return the reduction of a key, made now if no process has made it yet.

    Of several processes that want it at once, one makes it and the others wait. Only what took
    long is written. An entry with a changed byte is named in a warning, and made again.

    Args:
        folder: Of the entries.
        key: What `cache_key` returns.
        make: Makes the reduction.
        kind: The type of its rows.
    """
    path = folder / f"{key}.npz"
    with suppress(FileNotFoundError, InputError):
        return _read(path, kind)
    with locked(path.with_suffix(".lock")):
        try:
            return _read(path, kind)  # another process has made it meanwhile
        except FileNotFoundError:
            pass
        except InputError as error:
            logger.warning("%s", error)
            path.unlink()
        made = make()
        if made.seconds > WORTH_KEEPING:
            _keep_from_commits(folder.parent)
            write_whole(path, _seal(key, _pack(made)))
        return made


def damaged_entries(folder: Path) -> Iterator[str | None]:
    """Yield for every entry what is wrong with it, or None if nothing is."""
    for path in sorted(folder.glob("*.npz")):
        try:
            _unseal(path)
        except InputError as error:
            yield str(error)
        else:
            yield None


def tidy(folder: Path) -> None:
    """Remove what killed processes have left, and the folder if it holds nothing."""
    remove_partials(folder)
    remove_free_locks(folder)
    for empty in (folder, folder.parent):
        with suppress(OSError):
            empty.rmdir()


def in_rows(reduction: Reduction[RowsT]) -> Reduction[RowsT]:
    """Lay the arrays of a reduction out row by row, uncopied where they already are.

    Sums depend on the layout in their last bits, and files and networks keep no other.
    """
    arrays, _ = _parts(reduction.rows)
    if all(array.flags.c_contiguous for array in arrays.values()):
        return reduction
    packed = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    return replace(reduction, rows=replace(cast(Any, reduction.rows), **packed))


def _parts(rows: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Sort the fields of a set of rows into arrays and others."""
    values = {field.name: getattr(rows, field.name) for field in fields(rows)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return arrays, {name: value for name, value in values.items() if name not in arrays}


def _pack(reduction: Reduction[Any]) -> bytes:
    arrays, others = _parts(reduction.rows)
    if reduction.source_indices is not None:
        arrays["source_indices"] = reduction.source_indices
    metadata = {
        "rows": others,
        "method": reduction.method,
        "parameters": list(reduction.parameters.items()),  # in their order, as records show it
        "diagnostics": list(reduction.diagnostics.items()),
        "seconds": reduction.seconds,
    }
    return bytes(pack_arrays(arrays, metadata))


def _unpack(content: bytes, kind: type[RowsT]) -> Reduction[RowsT]:
    arrays, metadata = unpack_arrays(io.BytesIO(content))
    source_indices = arrays.pop("source_indices", None)
    return Reduction(
        rows=kind(**arrays, **metadata["rows"]),
        source_indices=source_indices,
        method=metadata["method"],
        parameters=dict(metadata["parameters"]),
        seconds=metadata["seconds"],
        diagnostics=dict(metadata["diagnostics"]),
    )


def _read(path: Path, kind: type[RowsT]) -> Reduction[RowsT]:
    """Read an entry.

    Raises:
        InputError: If a byte of it has changed, or its name.
    """
    return _unpack(_unseal(path), kind)


def _seal(key: str, content: bytes) -> bytes:
    return content + hashlib.sha256(key.encode() + content).digest()


def _unseal(path: Path) -> bytes:
    sealed = path.read_bytes()
    content = sealed[: -hashlib.sha256().digest_size]
    if _seal(path.stem, content) != sealed:
        raise InputError(
            f"{str(path)!r} is damaged (its bytes are not those of its checksum): a cached "
            "reduction is used whole or not at all; delete it: a run that needs it makes it again"
        )
    return content


@lru_cache(maxsize=4)
def _rows_hash(rows: Rows) -> str:
    """Hash all that a reducer sees: a dataset's own hash leaves its episodes out."""
    arrays, others = _parts(rows)
    return hash_arrays(arrays, repr(others))


def _keep_from_commits(folder: Path) -> None:
    ignore = folder / ".gitignore"
    if not ignore.exists():
        write_whole(ignore, b"*\n")


def _identity_of(kind: Any) -> tuple[object, ...] | None:
    """Name a class and the state of its code; None if that is not known."""
    source = "" if is_own(kind) else _source_hash(kind)
    if source is None:
        return None
    return kind.__module__, kind.__qualname__, kind.cache_version, source


@cache
def _source_hash(kind: type) -> str | None:
    """Hash the file that a class stands in; None where there is none, as in a notebook."""
    try:
        path = inspect.getsourcefile(kind)
    except (TypeError, OSError):
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None


@cache
def _surroundings() -> tuple[str | None, ...]:
    """What else the bits of a reduction depend on: interpreter, libraries and processor."""
    libraries = (f"{name} {_version(name)}" for name in LIBRARIES)
    provenance = take_provenance()
    return (platform.python_version(), provenance.platform, provenance.cpu, *libraries)


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:  # an optional one
        return None
