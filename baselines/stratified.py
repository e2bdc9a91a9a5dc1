"""Stratified random subsampling: the fair baseline for methods that match cells separately."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from harness.core.arrays import Float64Array, IntArray
from harness.core.parts import Parts, join, take_local
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.numerics.stratification import (
    allocate,
    cell_counts,
    cell_labels,
    cell_number,
    draw_cells,
    draw_stratified,
    weigh_cells,
)


class StratifiedReducer(Reducer[Transitions]):
    """Sample rows within strata of action × termination, weighted by the strata's shares.

    Continuous actions make no strata: there are two then, of terminated rows and of others.
    """

    name: ClassVar[str] = "stratified"
    takes_continuous: ClassVar[bool] = True

    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # minimum share of terminated rows

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        rows, weights = draw_stratified(transitions, size, self.terminated_share, rng)
        return transitions.take(rows, weights), rows, {}

    def reduce_parts(
        self, parts: Parts, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Sample the same rows as from a whole dataset; the weights are equal up to rounding."""
        tallies = list(parts.map(_tally))
        counts = np.array([count for count, _ in tallies])  # (parts, cells)
        weights = np.sum([weight for _, weight in tallies], axis=0)  # (cells,)
        allocation = allocate(counts.sum(axis=0), size, self.terminated_share)
        drawn = draw_cells(counts.sum(axis=0), allocation, rng)
        before = np.cumsum(counts, axis=0) - counts
        own = [_within(drawn, *span) for span in zip(before, counts, strict=True)]
        kept = list(parts.map(_take, own))
        taken = join(part for part, _ in kept)
        begins = np.cumsum(counts.sum(axis=1)) - counts.sum(axis=1)
        rows = np.concatenate([own + begin for (_, own), begin in zip(kept, begins, strict=True)])
        shares = taken.weights / weights.sum()
        found = weigh_cells(cell_labels(taken), shares, weights / weights.sum())
        return taken.take(np.arange(size), found), rows, {}


def _tally(chunks: Iterable[Transitions]) -> tuple[IntArray, Float64Array]:
    """Count and weigh the rows of each cell of a part, ``(cells,)`` each."""
    pairs = [
        (cell_counts(chunk), np.bincount(cell_labels(chunk), chunk.weights, cell_number(chunk)))
        for chunk in chunks
    ]
    return np.sum([count for count, _ in pairs], axis=0), np.sum([w for _, w in pairs], axis=0)


def _within(drawn: list[IntArray], before: IntArray, counts: IntArray) -> list[IntArray]:
    """Numbers of the drawn rows of each cell that a part holds, counted from its first."""
    return [
        rows[(rows >= first) & (rows < first + count)] - first
        for rows, first, count in zip(drawn, before, counts, strict=True)
    ]


def _take(
    chunks: Iterable[Transitions], drawn: list[IntArray]
) -> tuple[Transitions | None, IntArray]:
    """Take rows of a part, given by their numbers within their cells, and return their numbers."""
    there = list(chunks)
    labels = np.concatenate([cell_labels(chunk) for chunk in there])
    rows = np.sort(
        np.concatenate([np.flatnonzero(labels == cell)[own] for cell, own in enumerate(drawn)])
    )
    return take_local(there, rows), rows
