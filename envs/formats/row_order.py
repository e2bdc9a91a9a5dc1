"""The order of rows: where it breaks or goes on, and whether they are shuffled."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.thresholds import CHANCE, FEW_ENDS, FEW_STEPS, GOES_ON, SHUFFLED
from harness.core.arrays import BoolArray, Float64Array, FloatArray, IntArray

_MOVED_AT_ONCE: Final = 1 << 14  # rows; bounds the memory needed to drop rows
_PROBES: Final = 4096  # steps sampled
_ROLLS: Final = (1, 2, 3, 5, 8)  # of starts against ends, to see how near they are by chance
_NEAR: Final = 0.99  # quantile of the steps inside episodes
_BLOCK: Final = 1 << 16  # rows compared at a time, to save memory


def follows(following: FloatArray, observations: FloatArray, distance: int) -> BoolArray:
    """Whether each row's s' is the s of the row ``distance`` later, ``(N,)``; False if none."""
    rows = len(observations) - distance
    found = np.zeros(len(observations), dtype=np.bool_)
    for start in range(0, rows, _BLOCK):
        end = min(start + _BLOCK, rows)
        same = np.isclose(
            following[start:end],
            observations[start + distance : end + distance],
            equal_nan=True,
        )
        found[start:end] = same.reshape(end - start, -1).all(axis=1)
    return found


def find_lag(following: FloatArray, observations: FloatArray) -> int | None:
    """Return from how many rows on most s' are taken, if it is 0 or 2 instead of 1; else None."""
    return next(
        (lag for lag in (0, 2) if follows(following, observations, lag).mean() > SHUFFLED), None
    )


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
    """Whether no number of an observation resembles itself a row later, inside episodes.

    The correlation of a number that changes slowly with its next value is about the share of rows
    whose neighbour is the true one.

    Args:
        observations: Of all rows, ``(N, …)``.
        ends: Last rows of episodes, ``(N,)``.
    """
    steps = _sample(np.flatnonzero(~ends))
    if len(steps) < FEW_STEPS:
        return False
    flat = observations.reshape(len(ends), -1)
    with np.errstate(all="ignore"):
        here, later = (flat[rows].astype(np.float64) for rows in (steps, steps + 1))
        products = (here - here.mean(axis=0)) * (later - later.mean(axis=0))
        correlations = products.mean(axis=0) / (here.std(axis=0) * later.std(axis=0))
    known = correlations[np.isfinite(correlations)]
    return bool(known.size and known.max() < 1 - SHUFFLED)


def find_continued(observations: FloatArray, ends: BoolArray, cuts: BoolArray) -> BoolArray:
    """Mark the cuts ``(N,)`` after which the next row simply goes on, as after no reset.

    It does where the next row is no farther than after 99 % of the steps inside episodes. Where few
    cuts are so, or where rows after other cuts are often as near, none is marked.

    Args:
        observations: Of all rows, ``(N, …)``.
        ends: Last rows of episodes, ``(N,)``.
        cuts: Those of them to look at, ``(N,)``.
    """
    found = np.zeros(len(ends), dtype=np.bool_)
    steps = _sample(np.flatnonzero(~ends))
    rows = np.flatnonzero(cuts[:-1])
    if len(steps) < FEW_STEPS or len(rows) < FEW_ENDS:
        return found
    flat = observations.reshape(len(ends), -1)
    near = np.quantile(_distances(flat, steps, steps, steps + 1), _NEAR)
    goes_on = _distances(flat, steps, rows, rows + 1) <= near
    by_chance = np.mean(
        [
            _distances(flat, steps, rows, np.roll(rows, shift) + 1) <= near
            for shift in _ROLLS
            if shift % len(rows)
        ]
    )
    if goes_on.sum() >= FEW_ENDS and goes_on.mean() >= max(GOES_ON, CHANCE * by_chance):
        found[rows[goes_on]] = True
    return found


def _sample(steps: IntArray) -> IntArray:
    rng = np.random.default_rng(0)
    return rng.choice(steps, size=min(_PROBES, len(steps)), replace=False)


def _distances(
    flat: FloatArray, scaled_by: IntArray, first: IntArray, second: IntArray
) -> Float64Array:
    """Distances ``(n,)`` between pairs of rows, in units of the deviation of some rows."""
    with np.errstate(all="ignore"):
        scale = flat[scaled_by].astype(np.float64).std(axis=0)
        scale[scale == 0] = 1.0
        apart = (flat[second] - flat[first].astype(np.float64)) / scale
        distances: Float64Array = np.nan_to_num(np.linalg.norm(apart, axis=1), nan=np.inf)
    return distances
