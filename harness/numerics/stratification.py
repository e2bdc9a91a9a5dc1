"""Stratified sampling of transitions by cell: action × terminated, or terminated alone."""

from __future__ import annotations

import numpy as np

from harness.core.arrays import FloatArray, IntArray
from harness.core.transitions import Transitions

TERMINATED_SHARE = 0.1  # of terminated rows in a stratified start, as of the baseline
TINY = np.finfo(float).tiny


def cell_labels(transitions: Transitions) -> IntArray:
    """Cell of each row, ``2 * action + terminated`` with 0 for continuous actions, ``(N,)``."""
    terminated = transitions.terminations.astype(np.int64)
    return terminated if transitions.is_continuous else 2 * transitions.actions + terminated


def cell_number(transitions: Transitions) -> int:
    """Number of cells, with those that hold no row."""
    return 2 * max(transitions.action_count, 1)


def cell_counts(transitions: Transitions) -> IntArray:
    """Number of rows in each cell, shape ``(cells,)``."""
    return np.bincount(cell_labels(transitions), minlength=cell_number(transitions))


def allocate(
    counts: IntArray, size: int, terminated_share: float, least: IntArray | None = None
) -> IntArray:
    """Allocate ``size`` rows to cells, shape ``(cells,)``.

    Terminated cells together get the maximum of their share of the data and ``terminated_share``;
    within each group the allocation is proportional. Every cell gets its minimum number if ``size``
    allows that for all, and no cell gets more than it has.

    Args:
        counts: Number of rows in each cell; odd cells are the terminated ones.
        size: Number of rows to allocate, at most the sum of ``counts``.
        terminated_share: Minimum share of terminated rows, in ``[0, 1]``.
        least: Minimum number of each cell, at most its count; by default one for each non-empty
        cell.
    """
    least = np.sign(counts) if least is None else least
    members = (np.arange(len(counts)) % 2 == 0, np.arange(len(counts)) % 2 == 1)
    held = np.array([counts[group].sum() for group in members])
    floor = np.array([least[group].sum() for group in members])
    share = max(terminated_share, held[1] / held.sum())
    groups = _round_within(np.array([size * (1 - share), size * share]), floor, held, size)
    allocation = np.zeros(len(counts), dtype=np.int64)
    for group, rows in zip(members, groups, strict=True):
        wish = rows * counts[group] / max(counts[group].sum(), 1)
        allocation[group] = _round_within(wish, least[group], counts[group], int(rows))
    return allocation


def cell_weights(transitions: Transitions, rows: IntArray) -> FloatArray:
    """Weights ``(M,)`` that give each cell of a subset the cell's share of the source.

    Within a cell rows keep the proportions of their own weights. The weights have mean one if every
    cell of the source is represented.

    Args:
        transitions: The source.
        rows: The subset's rows, ``(M,)``.
    """
    labels, shares = cell_labels(transitions), transitions.shares
    cells = cell_number(transitions)
    of_cells = np.bincount(labels, shares, cells).astype(np.float64, copy=False)
    return weigh_cells(labels[rows], shares[rows], of_cells)


def weigh_cells(labels: IntArray, shares: FloatArray, of_cells: FloatArray) -> FloatArray:
    """Weights ``(M,)`` of a subset's rows, as of `cell_weights`.

    Args:
        labels: Cell of each row of the subset, ``(M,)``.
        shares: Share of each in the source, ``(M,)``.
        of_cells: Share of each cell in the source, ``(cells,)``.
    """
    taken = np.bincount(labels, shares, minlength=len(of_cells))
    return len(labels) * shares * (of_cells / np.maximum(taken, TINY))[labels]


def draw_stratified(
    transitions: Transitions, size: int, terminated_share: float, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Draw a stratified sample without replacement, with sizes by `allocate` and `cell_weights`.

    Returns:
        Rows in ascending order ``(size,)`` and their weights ``(size,)``.
    """
    labels, counts = cell_labels(transitions), cell_counts(transitions)
    drawn = draw_cells(counts, allocate(counts, size, terminated_share), rng)
    rows = np.concatenate(
        [np.flatnonzero(labels == cell)[own] for cell, own in enumerate(drawn) if len(own)]
    )
    rows.sort()
    return rows, cell_weights(transitions, rows)


def draw_by_weight(transitions: Transitions, size: int, rng: np.random.Generator) -> IntArray:
    """Draw distinct rows of every cell by their weights, with sizes by `allocate`, ``(size,)``."""
    labels, shares = cell_labels(transitions), transitions.shares
    drawn = []
    for cell, count in enumerate(allocate(cell_counts(transitions), size, TERMINATED_SHARE)):
        if count:
            members = np.flatnonzero(labels == cell)
            own = shares[members] / shares[members].sum()
            drawn.append(rng.choice(members, count, replace=False, p=own))
    return np.concatenate(drawn)


def draw_cells(counts: IntArray, allocation: IntArray, rng: np.random.Generator) -> list[IntArray]:
    """Draw the numbers of rows within each cell, without replacement.

    Args:
        counts: Number of rows in each cell, ``(cells,)``.
        allocation: Number of rows to draw of each, ``(cells,)``.
        rng: Draws them.
    """
    return [
        rng.choice(count, number, replace=False) if number else np.zeros(0, dtype=np.int64)
        for count, number in zip(counts, allocation, strict=True)
    ]


def _round_within(wish: FloatArray, minimum: IntArray, maximum: IntArray, total: int) -> IntArray:
    """Round to integers of the given total, each at most its ``maximum``.

    Each is at least its ``minimum`` if the total allows that for all.
    """
    floor = minimum if minimum.sum() <= total else np.zeros_like(minimum)
    rows = np.clip(np.floor(wish).astype(np.int64), floor, maximum)
    while rows.sum() > total:
        rows[np.argmax(np.where(rows > floor, rows - wish, -np.inf))] -= 1
    while rows.sum() < total:
        rows[np.argmax(np.where(rows < maximum, wish - rows, -np.inf))] += 1
    return rows
