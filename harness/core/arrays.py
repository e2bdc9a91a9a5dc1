"""Array types, and checks and hashes of arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.core.errors import InputError

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
ActionArray = NDArray[Any]  # numbers from 0 (N,), or continuous (N, action_dim)
BoolArray = NDArray[np.bool_]

LARGEST: Final = 1e70  # methods square losses, which are squares, and sum over rows


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
    """Check that an array, whose first axis counts rows, holds numbers that can be computed with.

    Raises:
        InputError: If a value is NaN or infinite, or from 1e70 on, where the square of a squared
            loss would be infinite; the message counts the rows and names the first.
    """
    low, high = float(array.min(initial=0.0)), float(array.max(initial=0.0))
    if low > -LARGEST and high < LARGEST:  # NaN is neither
        return
    for bad, what, remedy in (
        (~np.isfinite(array), "NaN or infinity", "be finite: repair or drop those rows"),
        (
            np.abs(array, dtype=np.float64) >= LARGEST,
            "values of 1e70 or more",
            "be smaller: rescale the data",
        ),
    ):
        rows = np.flatnonzero(bad if bad.ndim == 1 else bad.any(axis=1))
        if rows.size:
            raise InputError(
                f"{name}: {rows.size} rows hold {what}, the first is row {rows[0]}; "
                f"every value must {remedy}"
            )


def hash_arrays(arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> str:
    """SHA-256 over a prefix, then names, types, shapes and bytes."""
    digest = hashlib.sha256(prefix.encode())
    for name, values in arrays.items():
        array = np.ascontiguousarray(values)
        digest.update(f"{name}:{array.dtype.str}:{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
