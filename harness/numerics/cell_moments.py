"""Per-cell moments of transitions, which exact distillation and its certificate are based on.

A row is ``z = (s, s', r)``; its cell is action × terminated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

import numpy as np

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.numerics.moments import Moments, accumulate
from harness.numerics.standardising import Standardiser

CHUNK = 1 << 15  # rows processed at a time: few enough for a core's cache
HEAD = 1 << 9  # rows that the provisional shift is computed from
TILE = 128  # rows handled by one vector operation: numpy loops over the last axis, so make it long


@dataclass(frozen=True, eq=False)
class CellMoments:
    """Moments of ``z = (s, s', r)`` in every cell, and the range of each column over all rows.

    ``a + b`` are the moments of the rows of both, up to rounding, however the rows were split.
    """

    cells: tuple[Moments | None, ...]  # (2 * action_count,) numbered by `cell_labels`; None: no row
    counts: IntArray  # (2 * action_count,) rows
    low: Float64Array  # (2 * obs_dim + 1,) minimum of each column
    high: Float64Array  # (2 * obs_dim + 1,) maximum

    @classmethod
    def of(cls, transitions: Transitions) -> CellMoments:
        """Compute the moments in one pass, in memory that does not grow with the number of rows.

        Raises:
            InputError: If actions are continuous.
        """
        transitions.check_numbered("moments by action")
        sums = _CellSums(transitions)
        for begin in range(0, len(transitions), CHUNK):
            sums.add(transitions, slice(begin, min(begin + CHUNK, len(transitions))))
        return sums.moments()

    def __add__(self, other: CellMoments) -> CellMoments:
        """Merge the moments of two sets of rows.

        Raises:
            InputError: If the two differ in actions or in the size of an observation.
        """
        if (self.action_count, self.obs_dim) != (other.action_count, other.obs_dim):
            raise InputError(
                f"moments of {self.action_count} actions and observations of dimension "
                f"{self.obs_dim} do not merge with {other.action_count} and {other.obs_dim}: "
                "chunks must come from one dataset; check how it was split"
            )
        pairs = zip(self.cells, other.cells, strict=True)
        return CellMoments(
            tuple(one + two if one and two else one or two for one, two in pairs),
            self.counts + other.counts,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    @property
    def action_count(self) -> int:
        """Number of actions of the environment."""
        return len(self.cells) // 2

    @property
    def obs_dim(self) -> int:
        """Dimension of an observation."""
        return len(self.low) // 2

    @property
    def weights(self) -> Float64Array:
        """Weight of each cell, ``(2 * action_count,)``."""
        return np.array([cell.weight if cell else 0.0 for cell in self.cells])

    @cached_property
    def pooled(self) -> Moments:
        """Moments of ``z`` over all cells."""
        return accumulate(cell for cell in self.cells if cell)

    @property
    def standardiser(self) -> Standardiser:
        """Standardiser of observations by these rows' statistics."""
        mean, deviation = self.pooled.mean, self.pooled.deviation
        scale = np.where(deviation > 0, deviation, 1.0)
        return Standardiser(mean[: self.obs_dim], scale[: self.obs_dim])


def accumulate_cells(parts: Iterable[CellMoments]) -> CellMoments:
    """Merge the cell moments of chunks.

    Raises:
        InputError: If there is no chunk, or chunks do not come from one dataset.
    """
    iterator = iter(parts)
    first = next(iterator, None)
    if first is None:
        raise InputError("0 chunks have no moments: give at least one chunk of transitions")
    return reduce(add, iterator, first)


def moments_of_chunks(chunks: Iterable[Transitions]) -> CellMoments:
    """Compute the moments of transitions that come in chunks.

    Raises:
        InputError: If there is no chunk, chunks do not come from one dataset, or values are too
            large to square.
    """
    return accumulate_cells(map(CellMoments.of, chunks))


class _CellSums:
    """Sums ``w (z - shift, 1)(z - shift, 1)ᵀ`` of each cell over chunks of rows.

    Columns of a cell whose mean is far from zero are shifted by the mean of its first rows, which
    avoids cancellation; a constant column has a scatter of exactly zero.
    """

    def __init__(self, transitions: Transitions) -> None:
        cells, width = 2 * transitions.action_count, 2 * transitions.obs_dim + 2
        rows = min(CHUNK, -(-len(transitions) // TILE) * TILE)
        self._rows, self._sorted = np.ones((rows, width)), np.empty((rows, width))
        self._shifts: list[Float64Array | None] = [None] * cells  # (TILE * width,) each
        self._sums = np.zeros((cells, width, width))
        self._counts = np.zeros(cells, dtype=np.int64)
        self._low, self._high = np.full(width, np.inf), np.full(width, -np.inf)
        heaviest = float(transitions.weights.max())
        self._shared_weight = heaviest if heaviest == transitions.weights.min() else None

    def add(self, transitions: Transitions, part: slice) -> None:
        rows = self._fill(transitions, part)
        for values, extreme in ((self._low, np.minimum), (self._high, np.maximum)):
            extreme(values, _reduce_rows(rows, extreme), out=values)
        labels = 2 * transitions.actions[part] + transitions.terminations[part]
        # A stable sort of 16-bit integers is a radix sort.
        order = np.argsort(labels.astype(np.uint16), kind="stable")
        ordered = rows.take(order, axis=0, out=self._sorted[: len(rows)], mode="clip")
        counts = np.bincount(labels, minlength=len(self._counts))
        self._counts += counts
        roots = None if self._shared_weight else np.sqrt(transitions.weights[part][order])
        with np.errstate(over="ignore", invalid="ignore"):
            for cell, members in _segments(counts):
                self._add_cell(cell, ordered[members], None if roots is None else roots[members])

    def _fill(self, transitions: Transitions, part: slice) -> Float64Array:
        d = transitions.obs_dim
        rows = self._rows[: part.stop - part.start]
        _write(rows, 0, transitions.observations[part])
        _write(rows, d, transitions.next_observations[part])
        rows[:, 2 * d] = transitions.rewards[part]
        return rows

    def _add_cell(self, cell: int, rows: Float64Array, roots: Float64Array | None) -> None:
        shift = self._shifts[cell]
        if shift is None:
            shift = self._shifts[cell] = np.tile(_provisional_shift(rows), TILE)
        if shift.any():
            tiles, rest = _tiles(rows)
            tiles -= shift
            rest -= shift[: rows.shape[1]]
        if roots is not None:
            rows *= roots[:, None]
        self._sums[cell] += rows.T @ rows

    def moments(self) -> CellMoments:
        factor = self._shared_weight or 1.0
        cells = tuple(
            None if shift is None else Moments.of_sums(factor * sums, shift[: len(sums) - 1])
            for sums, shift in zip(self._sums, self._shifts, strict=True)
        )
        return CellMoments(cells, self._counts, self._low[:-1], self._high[:-1])


def _write(rows: Float64Array, left: int, source: FloatArray) -> None:
    """Write columns from ``left`` on; where no value changes its type, each row as one block."""
    if source.dtype != rows.dtype or not source.flags.c_contiguous:
        rows[:, left : left + source.shape[1]] = source
        return
    block = np.dtype((np.void, source.shape[1] * rows.itemsize))
    blocks = np.ndarray(len(rows), block, rows, left * rows.itemsize, rows.strides[:1])
    blocks[...] = source.view(block)[:, 0]


def _segments(counts: IntArray) -> Iterator[tuple[int, slice]]:
    """Yield each non-empty cell and the slice of its rows when sorted by cell."""
    ends = np.cumsum(counts)
    for cell in np.flatnonzero(counts):
        yield int(cell), slice(ends[cell] - counts[cell], ends[cell])


def _tiles(rows: Float64Array) -> tuple[Float64Array, Float64Array]:
    """View rows as tiles ``(n // TILE, TILE * width)``, and the remaining rows."""
    whole = len(rows) // TILE * TILE
    return rows[:whole].reshape(-1, TILE * rows.shape[1]), rows[whole:]


def _reduce_rows(rows: Float64Array, extreme: np.ufunc) -> Float64Array:
    """Minimum or maximum of each column."""
    tiles, rest = _tiles(rows)
    if not len(tiles):
        return np.asarray(extreme.reduce(rest, axis=0))
    head = extreme.reduce(tiles, axis=0).reshape(TILE, -1)
    return np.asarray(extreme.reduce(np.concatenate([head, rest]), axis=0))


def _provisional_shift(rows: Float64Array) -> Float64Array:
    """Mean of the first rows where it exceeds their deviation, else zero; last column is ones.

    Computed relative to the first row, it is exact for constant columns.
    """
    head = rows[:HEAD]
    mean = head[0] + (head - head[0]).mean(axis=0)
    far = np.abs(mean) > (head - mean).std(axis=0)
    far[-1] = False
    return np.where(far, mean, 0.0)
