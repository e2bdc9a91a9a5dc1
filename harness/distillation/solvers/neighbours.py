"""Nearest neighbours among real rows of the same kind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from harness.core.arrays import Float64Array, IntArray


def nearest_of_kind(
    data: Float64Array, kinds: IntArray, points: Float64Array, point_kinds: IntArray, count: int
) -> Iterator[tuple[IntArray, IntArray]]:
    """Find the nearest rows of each point among those of its kind.

    Args:
        data: Rows, ``(n, p)``.
        kinds: Their kinds, such as actions, ``(n,)``.
        points: ``(N, p)``.
        point_kinds: Their kinds, ``(N,)``, each of which has a row.
        count: Number of rows; a smaller kind gives all its rows.

    Yields:
        For each kind its points ``(N_k,)`` and their rows ``(N_k, found)``, nearest first.
    """
    for kind in np.unique(point_kinds):
        members, mine = np.flatnonzero(kinds == kind), np.flatnonzero(point_kinds == kind)
        ranks = np.arange(1, min(count, len(members)) + 1)
        _, nearest = cKDTree(data[members]).query(points[mine], k=ranks)
        yield mine, members[nearest]
