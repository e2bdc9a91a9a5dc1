"""Teachers are fitted once for each dataset: once a process, and once for a results folder."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from harness.core.computing.threads import one_thread
from harness.core.rows import private_copy
from harness.core.storage.npz import pack_arrays, unpack_arrays
from harness.core.transitions import Transitions
from harness.execution.cache import fetch_packed, teacher_key
from harness.labels.base import FittedTeacher, Teacher, check_fitted

logger = logging.getLogger("bellman_bench")

_DATASET: ContextVar[str | None] = ContextVar("dataset", default=None)
_FOLDER: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def teachers_of(dataset_id: str, folder: Path | None = None) -> Iterator[None]:
    """Say of which dataset the teachers are that are fitted meanwhile.

    Args:
        dataset_id: What warnings name.
        folder: The cache folder that keeps them; None: they are kept in memory alone.
    """
    tokens = _DATASET.set(dataset_id), _FOLDER.set(folder)
    try:
        yield
    finally:
        _DATASET.reset(tokens[0])
        _FOLDER.reset(tokens[1])


def fit_once(teacher: Teacher, rows: Transitions, discount: float) -> FittedTeacher:
    """Fit a teacher, unless this process has, or another that shares the cache folder.

    A teacher that its own data refute is said in a warning.

    Raises:
        InputError: If the fit diverges, or the teacher does not value such actions.
    """
    # parameters as JSON, for they may hold tables, which have no hash
    return fit_shared(type(teacher), teacher.model_dump_json(), rows, discount)


@lru_cache(maxsize=4)
def fit_shared(
    kind: type[Teacher], parameters: str, rows: Transitions, discount: float
) -> FittedTeacher:
    """Fit a teacher of this class and these parameters; see `fit_once`."""
    teacher = kind.model_validate_json(parameters)
    folder, key = _FOLDER.get(), teacher_key(teacher, rows, discount)
    if folder is None or key is None:
        return _fit(teacher, rows, discount)
    return fetch_packed(
        folder,
        key,
        make=lambda: _fit(teacher, rows, discount),
        pack=lambda fitted: _pack(teacher, fitted),
        unpack=lambda content: _unpack(teacher, content),
    )


def _fit(teacher: Teacher, rows: Transitions, discount: float) -> FittedTeacher:
    teacher.check_actions(rows)
    with one_thread():
        fitted = teacher.fit(private_copy(rows, type(teacher)), discount)
    check_fitted(fitted, rows, teacher.name)
    if fitted.refuted:
        dataset_id = _DATASET.get()
        logger.warning(
            "%steacher %r is refuted by the data that it was fitted to: its error is %.2f of the "
            "variance of its targets, no better than a constant's; do not trust its values",
            "" if dataset_id is None else f"dataset {dataset_id!r}: ",
            teacher.name,
            fitted.error,
        )
    return fitted


def _pack(teacher: Teacher, fitted: FittedTeacher) -> bytes | None:
    arrays = teacher.pack(fitted.q)
    if arrays is None:
        return None
    metadata = {"seconds": fitted.seconds, "diagnostics": list(fitted.diagnostics.items())}
    return bytes(pack_arrays(arrays, metadata))


def _unpack(teacher: Teacher, content: bytes) -> FittedTeacher:
    arrays, metadata = unpack_arrays(io.BytesIO(content))
    diagnostics = dict(metadata["diagnostics"])
    return FittedTeacher(teacher.unpack(arrays), metadata["seconds"], diagnostics)
