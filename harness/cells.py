"""Cells: the groups of transitions that share an action and whether they terminated."""

from __future__ import annotations

import numpy as np

from harness.transitions import FloatArray, IntArray, Transitions


def cell_labels(transitions: Transitions) -> IntArray:
    """Number each row's cell ``2 * action + terminated``, shape ``(N,)``."""
    return 2 * transitions.actions + transitions.terminations


def cell_counts(transitions: Transitions) -> IntArray:
    """Rows in each cell, shape ``(2 * action_count,)``."""
    return np.bincount(cell_labels(transitions), minlength=2 * transitions.action_count)


def allocate(counts: IntArray, size: int, terminated_share: float) -> IntArray:
    """Share ``size`` rows out among cells, shape ``(cells,)``.

    Terminated cells together get their share of the data or ``terminated_share``, whichever is
    larger; inside each group cells get rows in proportion. Every cell that holds rows gets one
    while ``size`` allows it, and no cell gets more than it holds.

    Args:
        counts: Rows that each cell holds; odd cells are the terminated ones.
        size: Rows to share out, at most the sum of ``counts``.
        terminated_share: Least share of terminated rows, in ``[0, 1]``.
    """
    terminated = np.arange(len(counts)) % 2 == 1
    group_counts = np.array([counts[~terminated].sum(), counts[terminated].sum()])
    share = max(terminated_share, group_counts[1] / group_counts.sum())
    wish = np.array([size * (1 - share), size * share]) * (group_counts > 0)
    groups = _round_within(wish, group_counts, size)
    allocation = np.zeros(len(counts), dtype=np.int64)
    for rows, members in zip(groups, (~terminated, terminated), strict=True):
        held = counts[members]
        wish = rows * held / max(held.sum(), 1)
        allocation[members] = _round_within(wish, held, int(rows))
    return allocation


def cell_weights(transitions: Transitions, labels: IntArray) -> FloatArray:
    """Weights ``(M,)`` that give each cell of a subset the cell's share of the source.

    Rows of one cell weigh the same. The weights' mean is one where every source cell is met.

    Args:
        transitions: The source.
        labels: Cell of each of the subset's rows, ``(M,)``.
    """
    shares = np.bincount(
        cell_labels(transitions), transitions.shares, minlength=2 * transitions.action_count
    )
    rows = np.bincount(labels, minlength=len(shares))
    return len(labels) * shares[labels] / rows[labels]


def draw_stratified(
    transitions: Transitions, size: int, terminated_share: float, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Draw distinct rows, allocated to cells by `allocate`, with `cell_weights`.

    Returns:
        Rows in ascending order ``(size,)`` and their weights ``(size,)``.
    """
    labels = cell_labels(transitions)
    allocation = allocate(cell_counts(transitions), size, terminated_share)
    rows = np.concatenate(
        [
            rng.choice(np.flatnonzero(labels == cell), count, replace=False)
            for cell, count in enumerate(allocation)
            if count
        ]
    )
    rows.sort()
    return rows, cell_weights(transitions, labels[rows])


def _round_within(wish: FloatArray, limits: IntArray, total: int) -> IntArray:
    """Round wishes to integers of the given total, each within its limit, one each if possible."""
    rows = np.minimum(np.floor(wish), limits).astype(np.int64)
    rows = np.where((limits > 0) & (rows == 0), 1, rows)
    while (surplus := rows.sum() - total) > 0:
        excess = np.where(rows > 0, rows - wish, -np.inf)
        rows[np.argmax(excess)] -= 1
    for _ in range(-surplus):
        need = np.where(rows < limits, wish - rows, -np.inf)
        rows[np.argmax(need)] += 1
    return rows
