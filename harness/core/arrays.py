"""Array types, and checks and hashes of arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.core.errors import InputError

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def as_float(name: str, values: ArrayLike) -> NDArray[np.floating[Any]]:
    """Convert numbers to float32 or float64, without a copy if they already are.

    Raises:
        InputError: If the values are not numbers; ``name`` names the array in the message.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} of type {array.dtype}: numbers are needed; convert them")
    if array.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        array = array.astype(np.float64)
    return array


def check_finite(name: str, array: NDArray[np.floating[Any]]) -> None:
    """Check that an array, whose first axis counts rows, has no NaN or infinity.

    Raises:
        InputError: If a value is not finite; the message counts the rows and names the first.
    """
    with np.errstate(all="ignore"):
        # A finite sum implies finite terms, and needs no memory, unlike np.isfinite.
        if np.isfinite(array.sum()):
            return
    finite = np.isfinite(array)
    rows = np.flatnonzero(~(finite if finite.ndim == 1 else finite.all(axis=1)))
    if rows.size:
        raise InputError(
            f"{name}: {rows.size} rows hold NaN or infinity, the first is row {rows[0]}; "
            "every value must be finite: repair or drop those rows"
        )


def hash_arrays(arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> str:
    """SHA-256 over a prefix, then names, types, shapes and bytes."""
    digest = hashlib.sha256(prefix.encode())
    for name, values in arrays.items():
        array = np.ascontiguousarray(values)
        digest.update(f"{name}:{array.dtype.str}:{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
