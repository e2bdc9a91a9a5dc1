"""Mergeable weighted moments: one pass over any chunks, on any number of workers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Float64Array
from harness.core.errors import InputError

FloatArray = NDArray[np.floating[Any]]

SLICE = 8192  # rows processed at a time: few enough for a core's cache
TILE = 64  # rows shifted by one vector operation; divides SLICE


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight, mean and central scatter of weighted rows.

    ``a + b`` are the moments of the rows of both, however the rows were split, up to the effect of
    rounding the rows themselves.
    """

    weight: float  # sum of the rows' weights
    mean: Float64Array  # (q,)
    scatter: Float64Array  # (q, q) sum of w (z - mean)(z - mean)ᵀ

    @classmethod
    def of(cls, *blocks: FloatArray, weights: FloatArray | None = None) -> Self:
        """Compute the moments of rows in one pass.

        Columns whose mean is far from zero are shifted by a provisional mean before they are
        squared, which avoids cancellation. A constant column has a scatter of exactly zero.
        Working memory does not grow with the number of rows.

        Args:
            blocks: Columns of the rows, side by side: shapes ``(n,)`` or ``(n, q_i)``.
            weights: Positive weights ``(n,)``; one by default.

        Raises:
            InputError: If there is no row, or a value is not finite or too large to square.
        """
        columns = [block if block.ndim == 2 else block[:, None] for block in blocks]
        if not len(columns[0]):
            raise InputError("0 rows have no moments: give at least one row")
        factor = 1.0
        if weights is not None and weights.min() == weights.max():
            factor, weights = float(weights[0]), None
        shift = _provisional_shift(columns)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = factor * _shifted_sums(columns, weights, shift)
        return cls.of_sums(sums, shift)

    @classmethod
    def of_sums(cls, sums: Float64Array, shift: Float64Array) -> Self:
        """Compute the moments from sums over rows.

        Args:
            sums: Sum of ``w (z - shift, 1)(z - shift, 1)ᵀ``, shape ``(q + 1, q + 1)``.
            shift: Any point near the rows, ``(q,)``.

        Raises:
            InputError: If a sum is not finite.
        """
        if not np.isfinite(sums).all():
            raise InputError(
                "rows hold NaN, infinity or values too large to square: "
                "every value must be finite and below 1e150; repair, drop or rescale them"
            )
        weight, drift = float(sums[-1, -1]), sums[-1, :-1] / sums[-1, -1]
        return cls(weight, shift + drift, sums[:-1, :-1] - weight * np.outer(drift, drift))

    def __add__(self, other: Moments) -> Moments:
        """Merge by the pairwise update, which avoids cancellation."""
        if self.mean.shape != other.mean.shape:
            raise InputError(
                f"moments of {len(self.mean)} and {len(other.mean)} columns do not merge: "
                "every chunk needs the same columns; check how the data was split"
            )
        weight = self.weight + other.weight
        step = other.mean - self.mean
        share = other.weight / weight
        between = self.weight * share * np.outer(step, step)
        return Moments(weight, self.mean + share * step, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Float64Array:
        """Central second moment ``E[(z - mean)(z - mean)ᵀ]``, shape ``(q, q)``."""
        return self.scatter / self.weight

    @property
    def deviation(self) -> Float64Array:
        """Standard deviation of each column, ``(q,)``."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def second_moment(self) -> Float64Array:
        """``E[zzᵀ]``, shape ``(q, q)``."""
        return self.covariance + np.outer(self.mean, self.mean)

    @property
    def second_moment_with_constant(self) -> Float64Array:
        """``E[(1, z)(1, z)ᵀ]``, shape ``(q + 1, q + 1)``."""
        row = np.concatenate([[1.0], self.mean])
        return np.vstack([row, np.column_stack([self.mean, self.second_moment])])


def accumulate(parts: Iterable[Moments]) -> Moments:
    """Merge the moments of chunks.

    Raises:
        InputError: If there is no chunk, or chunks differ in columns.
    """
    iterator = iter(parts)
    first = next(iterator, None)
    if first is None:
        raise InputError("0 chunks have no moments: give at least one chunk of rows")
    return reduce(add, iterator, first)


def _provisional_shift(columns: list[FloatArray]) -> Float64Array:
    """Mean of the first rows where it exceeds their deviation, else zero.

    Taken about the first row, it is exact where a column is constant.
    """
    head = np.column_stack([block[:SLICE] for block in columns]).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = head[0] + (head - head[0]).mean(axis=0)
        far = np.abs(mean) > (head - mean).std(axis=0)
    return np.where(far, mean, 0.0)


def _shifted_sums(
    columns: list[FloatArray], weights: FloatArray | None, shift: Float64Array
) -> Float64Array:
    """Sum ``w (z - shift, 1)(z - shift, 1)ᵀ`` over rows, shape ``(q + 1, q + 1)``."""
    rows, width = len(columns[0]), len(shift) + 1
    buffer = np.zeros((min(SLICE, -(-rows // TILE) * TILE), width))
    # Numpy loops over the last axis: a long one makes the shift several times faster.
    tiles, tile = buffer.reshape(-1, TILE * width), np.tile(np.append(shift, 0.0), TILE)
    sums = np.zeros((width, width))
    for begin in range(0, rows, len(buffer)):
        part = buffer[: min(len(buffer), rows - begin)]
        _fill(part, [block[begin : begin + len(part)] for block in columns])
        if shift.any():
            tiles -= tile
        if weights is not None:
            part *= np.sqrt(weights[begin : begin + len(part), None])
        sums += part.T @ part
    return sums


def _fill(part: Float64Array, columns: list[FloatArray]) -> None:
    """Write the columns, followed by a column of ones."""
    left = 0
    for block in columns:
        part[:, left : left + block.shape[1]] = block
        left += block.shape[1]
    part[:, left] = 1.0
