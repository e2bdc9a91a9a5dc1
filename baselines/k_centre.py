"""Greedy k-centre selection: every row of the dataset is close to a selected row."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.spatial.distance import cdist

from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.numerics.features import action_columns
from harness.numerics.standardising import Standardised


class KCentreReducer(Reducer[Transitions]):
    """Greedy k-centre: repeatedly select the row farthest from all selected rows, first at random.

    The maximum distance of a row to its centre is at most twice the minimum over all choices of
    ``size`` rows (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985). The
    weight of a centre is the total weight of the rows nearest to it. Time grows with rows × size.
    It is written here because scikit-learn has no k-centre, and apricot only submodular selection.
    """

    name: ClassVar[str] = "k-centre"
    takes_continuous: ClassVar[bool] = True

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        first = int(rng.integers(len(transitions)))
        centres, nearest, radius = find_centres(transition_points(transitions), size, first)
        weights = size * np.bincount(nearest, transitions.shares, minlength=size)
        return transitions.take(centres, weights.astype(np.float64)), centres, {"radius": radius}


def transition_points(transitions: Transitions) -> Float64Array:
    """Rows as points ``[s, s', r, one-hot a]``, shape ``(N, 2 obs_dim + 1 + actions)``.

    States and continuous actions are standardised and rewards are in units of their standard
    deviation. The first row is the origin, so that a constant column is zero.
    """
    points = Standardised.of(transitions).points
    return np.column_stack([points - points[0], action_columns(transitions)])


def find_centres(points: Float64Array, size: int, first: int) -> tuple[IntArray, IntArray, float]:
    """Select centres greedily, starting from a given row.

    Args:
        points: All rows, ``(N, d)``.
        size: Number of centres.
        first: Row of the first centre.

    Returns:
        Rows of the centres ``(size,)``, in order of selection; for each row the number of its
        nearest centre ``(N,)``, for a centre its own; and the maximum distance of a row to its
        centre.
    """
    centres = np.full(size, first)
    nearest = np.zeros(len(points), dtype=np.int64)
    distances = np.full(len(points), np.inf)
    for number in range(size):
        centre = centres[number] = first if number == 0 else int(np.argmax(distances))
        to_centre = cdist(points, points[centre : centre + 1], "sqeuclidean")[:, 0]
        closer = to_centre < distances
        nearest[closer] = number
        distances[closer] = to_centre[closer]
        nearest[centre], distances[centre] = number, -1.0  # none is selected twice, even if equal
    return centres, nearest, float(np.sqrt(max(distances.max(), 0.0)))
