"""Checks and casts of stored arrays; errors name file and array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import BoolArray, FloatArray, IntArray, as_float
from harness.core.errors import InputError, naming


def as_vectors(source: str, name: str, values: NDArray[Any]) -> FloatArray:
    """Return floats of at least one dimension.

    Raises:
        InputError: If they are not real numbers, or a single one.
    """
    if values.ndim == 0:
        raise InputError(
            f"{source!r}: {name} is a single value, but every row needs one; store an array"
        )
    with naming(source):
        return as_float(name, values)


def as_scalars(source: str, name: str, values: NDArray[Any]) -> FloatArray:
    """Return floats ``(N,)``, also from a single column; see `as_vectors`."""
    return _column(source, name, as_vectors(source, name, values))


def as_integers(source: str, name: str, values: NDArray[Any]) -> IntArray:
    """Return integers ``(N,)``.

    Raises:
        InputError: If they have another type or shape.
    """
    if values.dtype.kind not in "iu":
        raise InputError(
            f"{source!r}: {name} of type {values.dtype}: integers are needed; convert them"
        )
    return _column(source, name, values).astype(np.int64, copy=False)


def as_flags(source: str, name: str, values: NDArray[Any]) -> BoolArray:
    """Return flags ``(N,)`` from booleans, or from numbers that are 0 or 1.

    Raises:
        InputError: If a value is neither, or the shape is another.
    """
    array = _column(source, name, values)
    if array.dtype != np.bool_ and not (array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all()):
        raise InputError(
            f"{source!r}: {name} of type {array.dtype} are no flags: they must all be 0 or 1; "
            "convert them"
        )
    return array.astype(np.bool_, copy=False)


def as_actions(source: str, values: NDArray[Any]) -> IntArray | FloatArray:
    """Return discrete actions ``(N,)``, or continuous ones ``(N, action_dim)``.

    Raises:
        InputError: If they are neither, or integers stored as floats.
    """
    if values.dtype.kind in "iu":
        return as_integers(source, "actions", values)
    vectors = as_vectors(source, "actions", values)
    if vectors.ndim > 1 and vectors.shape[1:] != (1,):
        return vectors
    if vectors.size and (vectors == np.floor(vectors)).all() and vectors.min() >= 0:
        raise InputError(
            f"{source!r}: actions of type {values.dtype} hold whole numbers "
            f"{vectors.min():g}..{vectors.max():g} only: discrete actions must be integers; store "
            "actions.astype(int)"
        )
    return vectors.reshape(-1, 1)


def _column(source: str, name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 1:
        raise InputError(
            f"{source!r}: {name} of shape {values.shape}: the rule is (N,), a value for each row; "
            "slice or flatten them"
        )
    return values
