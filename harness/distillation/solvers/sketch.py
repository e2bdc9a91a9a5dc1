"""One-pass sketch of transitions for exact distillation: moments and sampled rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from harness.core.arrays import Float64Array
from harness.core.transitions import Transitions
from harness.distillation.solvers.reservoir import SLICE, SmallestKeys
from harness.numerics.cell_moments import CellMoments, accumulate_cells


class CellReservoir:
    """Sample rows of each cell without replacement, in proportion to weight.

    The sample does not depend on how the rows are split into chunks. A row is
    ``(s, s', r, weight)``.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        """Make room for ``size`` rows, at least one, in each cell."""
        self._size = size
        self._rng = rng
        self._cells: list[SmallestKeys] = []

    def offer(self, transitions: Transitions) -> None:
        """Offer the rows of a chunk.

        Raises:
            InputError: If the size is below one.
        """
        missing = 2 * transitions.action_count - len(self._cells)
        self._cells += [SmallestKeys(self._size) for _ in range(missing)]
        for begin in range(0, len(transitions), SLICE):
            self._offer(transitions, slice(begin, begin + SLICE))

    def _offer(self, transitions: Transitions, part: slice) -> None:
        weights = transitions.weights[part]
        keys = self._rng.standard_exponential(len(weights)) / weights
        limits = np.array([cell.worst for cell in self._cells])
        good = np.flatnonzero(keys < limits.max())
        labels = 2 * transitions.actions[part][good] + transitions.terminations[part][good]
        blocks = [
            transitions.observations[part],
            transitions.next_observations[part],
            transitions.rewards[part],
            weights,
        ]
        for cell in np.flatnonzero(np.bincount(labels)):
            self._cells[cell].offer(keys, blocks, good[labels == cell])

    def merge(self, other: CellReservoir) -> None:
        """Offer the rows that another reservoir kept."""
        for mine, theirs in zip(self._cells, other._cells, strict=True):
            if len(theirs.keys):
                mine.offer(theirs.keys, [theirs.rows], np.arange(len(theirs.keys)))

    def draw(self, cell: int, count: int) -> tuple[Float64Array, Float64Array]:
        """Return ``count`` rows ``z (count, 2 * obs_dim + 1)`` of a cell and their weights."""
        rows = self._cells[cell].rows[:count]
        return rows[:, :-1], rows[:, -1]


@dataclass(frozen=True, eq=False)
class Sketch:
    """Moments of every cell, and real rows of each to start the distillation from."""

    moments: CellMoments
    reservoir: CellReservoir

    @classmethod
    def of(cls, chunks: Iterable[Transitions], size: int, rng: np.random.Generator) -> Sketch:
        """Sketch a dataset that comes in chunks, each read once.

        The moments (up to rounding) and the rows do not depend on how the rows are split.

        Args:
            chunks: Parts of the dataset.
            size: Rows of each cell to keep.
            rng: Draws them.

        Raises:
            InputError: If there is no chunk, chunks do not come from one dataset, or ``size`` is
                below one.
        """
        reservoir = CellReservoir(size, rng)

        def parts() -> Iterator[CellMoments]:
            for chunk in chunks:
                yield CellMoments.of(chunk)
                reservoir.offer(chunk)

        return cls(accumulate_cells(parts()), reservoir)

    def merge(self, other: Sketch) -> Sketch:
        """Sketch the rows of both; this sketch's reservoir takes in the other's rows.

        Raises:
            InputError: If the two do not come from one dataset.
        """
        moments = self.moments + other.moments
        self.reservoir.merge(other.reservoir)
        return Sketch(moments, self.reservoir)
