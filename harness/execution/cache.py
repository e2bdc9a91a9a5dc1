"""The cache of a results folder: its runs share reductions and fitted teachers, each made once.

The key of an entry is a hash of everything that determines it, including the versions of its
method and of libraries, so that an outdated entry is never found. An entry is an ``.npz`` with
a checksum of its name and content, which is verified before anything is read.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import logging
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import cache, lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from harness.core.arrays import hash_arrays
from harness.core.errors import InputError, is_own
from harness.core.reduction import Reducer, Reduction
from harness.core.rows import Rows, RowsT
from harness.core.storage.files import remove_partials, write_whole
from harness.core.storage.locks import locked, remove_free_locks
from harness.core.storage.npz import pack_arrays, unpack_arrays
from harness.execution.provenance import take_provenance
from harness.labels.base import Teacher

WORTH_KEEPING: Final = 0.1  # minimum seconds of a reduction that is written
LIBRARIES: Final = ("coreax", "d3rlpy", "jax", "jaxlib", "numpy", "scikit-learn", "scipy", "torch")

logger = logging.getLogger("bellman_bench")


def cache_folder(directory: Path) -> Path:
    """Folder of a results folder's cached reductions."""
    return directory / "cache" / "reductions"


def results_folder(cache: Path) -> Path:
    """Results folder of a folder of cached reductions."""
    return cache.parent.parent


def cache_key(reducer: Reducer[Any], rows: Rows, size: int, seed: int) -> str | None:
    """Return the cache key of a reduction.

    The code of a built-in method is identified by its ``cache_version``, that of a user's class by
    a hash of its file as well, since a method under development has no versions. Modules that the
    file imports are not part of the key.

    Args:
        reducer: The method, with all parameters including defaults.
        rows: The data that it reduces.
        size: Number of rows to select or synthesise.
        seed: Fixes all randomness of the method.

    Returns:
        None if the code of the method cannot be found.
    """
    return _key(reducer.parts(), reducer, rows, size, seed, _surroundings())


def set_key(reducer: Reducer[Any], rows: Rows, size: int, seed: int) -> str | None:
    """Return a key of the same that is equal on every machine, though not the bits need be."""
    return _key(reducer.parts(), reducer, rows, size, seed)


def teacher_key(teacher: Teacher, rows: Rows, discount: float) -> str | None:
    """Return the cache key of a fitted teacher; None if its code cannot be found."""
    return _key(teacher.parts(), teacher, rows, discount, _surroundings())


def _key(parts: Sequence[BaseModel], made: BaseModel, rows: Rows, *others: object) -> str | None:
    classes = [_identity_of(type(part)) for part in parts]
    if None in classes:
        return None
    identity = ((classes, made.model_dump()), _rows_hash(rows), *others)
    return hashlib.sha256(repr(identity).encode()).hexdigest()


class Timed(Protocol):
    """What took seconds to make."""

    @property
    def seconds(self) -> float:
        """Wall time."""
        ...


TimedT = TypeVar("TimedT", bound=Timed)


def fetch(
    folder: Path, key: str, make: Callable[[], Reduction[RowsT]], kind: type[RowsT]
) -> Reduction[RowsT]:
    """Return the cached reduction of a key, or make it if no process has made it yet.

    If several processes need it at once, one makes it and the others wait. Only reductions that
    took long are written. A damaged entry is reported in a warning and made again.

    Args:
        folder: The cache folder.
        key: As returned by `cache_key`.
        make: Makes the reduction.
        kind: The type of its rows.
    """
    unpack = partial(unpack_reduction, kind=kind)
    return fetch_packed(folder, key, lambda: in_rows(make()), pack_reduction, unpack)


def fetch_packed(
    folder: Path,
    key: str,
    make: Callable[[], TimedT],
    pack: Callable[[TimedT], bytes | None],
    unpack: Callable[[bytes], TimedT],
) -> TimedT:
    """Return what is kept under a key, or make it if no process has made it yet, as `fetch` does.

    Args:
        folder: The cache folder.
        key: Of everything that determines it.
        make: Makes it.
        pack: Writes it as the bytes of an ``.npz``; None: it cannot be kept.
        unpack: Reads what ``pack`` wrote.
    """
    path = folder / f"{key}.npz"
    with suppress(FileNotFoundError, InputError):
        return unpack(_unseal(path))
    with locked(path.with_suffix(".lock")):
        try:
            return unpack(_unseal(path))  # another process has made it in the meantime
        except FileNotFoundError:
            pass
        except InputError as error:
            logger.warning("%s", error)
            path.unlink()
        made = make()
        packed = pack(made) if made.seconds > WORTH_KEEPING else None
        if packed is not None:
            _keep_from_commits(folder.parent)
            write_whole(path, _seal(key, packed))
        return made


def damaged_entries(folder: Path) -> Iterator[str | None]:
    """Yield for every entry its defect, or None if it is intact."""
    for path in sorted(folder.glob("*.npz")):
        try:
            _unseal(path)
        except InputError as error:
            yield str(error)
        else:
            yield None


def tidy(folder: Path) -> None:
    """Remove leftovers of killed processes, and the folder if it is empty."""
    remove_partials(folder)
    remove_free_locks(folder)
    for empty in (folder, folder.parent):
        with suppress(OSError):
            empty.rmdir()


def in_rows(reduction: Reduction[RowsT]) -> Reduction[RowsT]:
    """Return a reduction with C-contiguous arrays, without a copy if they already are.

    The last bits of sums depend on the memory layout, which files and transfers do not preserve.
    """
    arrays, _ = _parts(reduction.rows)
    if all(array.flags.c_contiguous for array in arrays.values()):
        return reduction
    packed = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    return replace(reduction, rows=replace(cast(Any, reduction.rows), **packed))


def _parts(rows: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Split the fields of a set of rows into arrays and others."""
    values = {field.name: getattr(rows, field.name) for field in fields(rows)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return arrays, {name: value for name, value in values.items() if name not in arrays}


def pack_reduction(reduction: Reduction[Any]) -> bytes:
    """Write a reduction as the bytes of an ``.npz``."""
    arrays, others = _parts(reduction.rows)
    if reduction.source_indices is not None:
        arrays["source_indices"] = reduction.source_indices
    metadata = {
        "rows": others,
        "method": reduction.method,
        "parameters": list(reduction.parameters.items()),  # in order, as in records
        "diagnostics": list(reduction.diagnostics.items()),
        "seconds": reduction.seconds,
    }
    return bytes(pack_arrays(arrays, metadata))


def unpack_reduction(content: bytes, kind: type[RowsT]) -> Reduction[RowsT]:
    """Read what `pack_reduction` wrote, with rows of the given type."""
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


def _seal(key: str, content: bytes) -> bytes:
    return content + hashlib.sha256(key.encode() + content).digest()


def _unseal(path: Path) -> bytes:
    sealed = path.read_bytes()
    content = sealed[: -hashlib.sha256().digest_size]
    if _seal(path.stem, content) != sealed:
        raise InputError(
            f"{str(path)!r} is damaged (its content does not match its checksum): damaged cache "
            "entries are not used; delete it: a run that needs it makes it again"
        )
    return content


@lru_cache(maxsize=4)
def _rows_hash(rows: Rows) -> str:
    """Hash of everything a reducer sees: a dataset's content hash leaves out its episodes."""
    arrays, others = _parts(rows)
    if others.get("codes", ()) is None:
        del others["codes"]  # so that sets that were kept before rows had codes are found
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
    """Hash of the source file of a class; None if there is none, as in a notebook."""
    try:
        path = inspect.getsourcefile(kind)
    except (TypeError, OSError):
        return None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else None


@cache
def _surroundings() -> tuple[str | None, ...]:
    """Interpreter, libraries and processor, on which the bits of a reduction depend as well."""
    libraries = (f"{name} {_version(name)}" for name in LIBRARIES)
    provenance = take_provenance()
    return (platform.python_version(), provenance.platform, provenance.cpu, *libraries)


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:  # an optional library
        return None
