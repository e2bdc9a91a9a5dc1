"""The order of rows: where it breaks, which rows are kept, and whether they are shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import BoolArray, FloatArray, IntArray

_MOVED_AT_ONCE = 1 << 14  # rows; bounds the memory needed to drop rows
_PROBES = 4096  # steps sampled to detect shuffled rows
_FEW_PROBES = 100  # fewer are not conclusive
_WIDE_STEP = 0.8  # relative to the distance between random rows


def cut_at(terminations: BoolArray, limit: int) -> BoolArray:
    """Mark every ``limit``-th step after an episode's start; terminations end episodes."""
    rows = np.arange(len(terminations))
    starts = np.zeros(len(rows), dtype=np.int64)
    starts[1:] = np.where(terminations[:-1], rows[1:], 0)
    steps: BoolArray = (rows - np.maximum.accumulate(starts)) % limit == limit - 1
    return steps & ~terminations


def find_jumps(observations: FloatArray, following: FloatArray) -> BoolArray:
    """Mark rows ``(N,)`` whose next observation differs from the next row's, or without next row.

    Values are compared without tolerance.
    """
    rows = len(observations)
    jumps = np.ones(rows, dtype=np.bool_)
    changed = following[:-1] != observations[1:]
    jumps[:-1] = changed.reshape(rows - 1, -1).any(axis=1) if rows > 1 else False
    return jumps


def keep_rows(array: NDArray[Any], rows: IntArray) -> NDArray[Any]:
    """Move the given rows, in ascending order, to the front of an array; return a view of them."""
    for first in range(0, len(rows), _MOVED_AT_ONCE):
        part = rows[first : first + _MOVED_AT_ONCE]
        array[first : first + len(part)] = array[part]
    return array[: len(rows)]


def look_shuffled(observations: FloatArray, ends: BoolArray) -> bool:
    """Whether steps inside episodes are about as large as distances between random rows.

    Distances are Euclidean, in units of each dimension's standard deviation; their medians are
    compared.
    """
    rng = np.random.default_rng(0)
    steps = np.flatnonzero(~ends)
    if len(steps) < _FEW_PROBES:
        return False
    probes = rng.choice(steps, size=min(_PROBES, len(steps)), replace=False)
    with np.errstate(all="ignore"):
        flat = observations.reshape(len(ends), -1)
        here = flat[probes].astype(np.float64)
        scale = here.std(axis=0)
        scale[scale == 0] = 1.0
        others = (probes + 1, rng.integers(len(ends), size=len(probes)))
        step, apart = (
            np.median(np.linalg.norm((flat[rows] - here) / scale, axis=1)) for rows in others
        )
        return bool(step > _WIDE_STEP * apart)
