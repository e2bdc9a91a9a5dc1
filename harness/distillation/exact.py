"""Exact distillation of transitions: every additive linear Q-function keeps its Bellman loss.

With additive identity features the Bellman residual is linear in ``z = (s, s', r)`` within a cell
of action × terminated. The loss of a Q-function depends on the data only through each cell's weight
and the mean and covariance of its ``z``; for one γ only through those of ``y = (s - γs', r)``, or
``(s, r)`` where terminated. A covariance of rank r needs r + 1 points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from harness.core.arrays import Float64Array, IntArray
from harness.core.parts import Parts, merge_in_pairs
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.distillation.solvers.sketch import Sketch
from harness.numerics.cell_moments import CellMoments
from harness.numerics.certificates.bellman import bellman_certificate
from harness.numerics.moment_matching import ROUNDING, nearest_with_mean, root
from harness.numerics.moments import Moments
from harness.numerics.stratification import allocate


class ExactDistiller(Reducer[Transitions]):
    """Synthesise transitions with the moments of ``(s, s', r)`` per cell of action × termination.

    With additive identity features the Bellman loss is exact for every Q-function and every reward
    scale λ: from ``points_needed`` points on for ``discount``, from
    ``points_needed_any_discount`` points on for every γ. With fewer, each cell keeps its mean
    and the directions of its covariance with the largest effect on the loss; ``worst_gap`` is the
    error, as `BellmanCertificate` measures it. With product or nonlinear features the result is not
    exact but a starting point.

    Weights are uniform within a cell. A cell that has no more rows than points keeps its rows and
    their weights. Otherwise the points are the closest to a random subsample of the cell, with
    distance in units of each column's standard deviation. They may leave the range of the data: by
    at most ``outside_box`` times a column's range.
    """

    name: ClassVar[str] = "exact"

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99  # γ for which few points are exact
    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # minimum share of terminated rows

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        reduced, diagnostics = self._distil(Sketch.of([transitions], size, rng), size)
        return reduced, None, diagnostics

    def reduce_parts(
        self, parts: Parts, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Reduce a dataset from sketches of its parts.

        The points are as exact as those of `reduce`, but close to other rows: these depend on the
        seed and on the parts, the moments do not. Of the sketches one for each doubling of the
        number of parts is in memory at once.
        """
        sketches = parts.map(partial(_sketch, size=size), rng.spawn(parts.count))
        reduced, diagnostics = self._distil(merge_in_pairs(sketches, Sketch.merge), size)
        return reduced, None, diagnostics

    def _distil(self, sketch: Sketch, size: int) -> tuple[Transitions, dict[str, float]]:
        moments = sketch.moments
        goals = [
            _Goal.build(cell, of_cell, moments, self.discount)
            for cell, of_cell in enumerate(moments.cells)
            if of_cell
        ]
        allocation = self._allocate(goals, moments, size)
        units = _units(moments.pooled)
        parts = [
            _part(goal, sketch, int(allocation[goal.cell]), units)
            for goal in goals
            if allocation[goal.cell]
        ]
        reduced = _joined(parts, moments)
        return reduced, {
            "points_needed": float(sum(goal.needed for goal in goals)),
            "points_needed_any_discount": float(sum(goal.needed_any for goal in goals)),
            **_differences(moments, CellMoments.of(reduced), self.discount),
            "movement": float(np.sqrt(np.mean(np.concatenate([p.steps for p in parts]) ** 2))),
        }

    def _allocate(self, goals: Sequence[_Goal], moments: CellMoments, size: int) -> IntArray:
        cells = [goal.cell for goal in goals]
        least = np.zeros_like(moments.counts)
        for needed in ([g.needed_any for g in goals], [g.needed for g in goals]):
            least[cells] = needed
            if least.sum() <= size:
                return allocate(moments.counts, size, self.terminated_share, least)
        if size < len(cells):
            return allocate(moments.counts, size, self.terminated_share)
        return _allocate_directions(goals, moments, size)


def _sketch(chunks: Iterable[Transitions], rng: np.random.Generator, size: int) -> Sketch:
    return Sketch.of(chunks, size, rng)


@dataclass(frozen=True, eq=False)
class _Goal:
    """The moments that the points of a cell must have."""

    cell: int
    moments: Moments
    factor: Float64Array  # (r, q) root of the covariance, by descending effect on the loss
    sizes: Float64Array  # of each direction that the loss at the given γ depends on, descending
    needed_any: int  # number of points that are exact for every γ

    @classmethod
    def build(cls, cell: int, of_cell: Moments, moments: CellMoments, discount: float) -> _Goal:
        factor = root(of_cell.covariance) * (of_cell.deviation > 0)
        alive = cell % 2 == 0
        image = factor @ _image(moments, discount if alive else 0.0)
        seen, unseen = _frames(image)
        frame = np.hstack([seen, _by_size(unseen, factor / _units(moments.pooled))])
        most = int(moments.counts[cell]) - 1
        return cls(
            cell=cell,
            moments=of_cell,
            factor=frame.T @ factor,
            sizes=of_cell.weight * np.sum((seen.T @ image) ** 2, axis=1)[:most],
            needed_any=min(len(factor) if alive else seen.shape[1], most) + 1,
        )

    @property
    def needed(self) -> int:
        """Number of points that are exact for the given γ."""
        return len(self.sizes) + 1

    def points(self, start: Float64Array, units: Float64Array) -> Float64Array:
        """Points near ``start (m, q)``: exact if ``m`` suffices, else the best truncation."""
        return nearest_with_mean(start, self.moments.mean, self.factor[: len(start) - 1], units)


def _allocate_directions(goals: Sequence[_Goal], moments: CellMoments, size: int) -> IntArray:
    """Allocate one point to each cell for its mean, the others to the largest directions."""
    owners = np.repeat([goal.cell for goal in goals], [len(goal.sizes) for goal in goals])
    order = np.argsort(-np.concatenate([goal.sizes for goal in goals]), kind="stable")
    held = [goal.cell for goal in goals]
    chosen = np.concatenate([held, owners[order[: size - len(held)]]])
    return np.bincount(chosen, minlength=len(moments.counts))


def _image(moments: CellMoments, discount: float) -> Float64Array:
    """``A`` with ``zA = y``, ``(2 * obs_dim + 1, obs_dim + 1)``, in the certificate's units."""
    d = moments.obs_dim
    image = np.zeros((2 * d + 1, d + 1))
    image[:d, :d] = np.diag(1 / moments.standardiser.scale)
    image[d : 2 * d, :d] = -discount * image[:d, :d]
    image[-1, -1] = 1.0
    return image


def _frames(image: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Orthonormal bases of an image's range, by size, and of its orthogonal complement.

    The rank is determined with every column at unit scale.
    """
    scale = np.linalg.norm(image, axis=0)
    frame, sizes, _ = np.linalg.svd(image / np.where(scale > 0, scale, 1.0))
    rank = int(np.count_nonzero(sizes > len(image) * ROUNDING * sizes.max(initial=0.0)))
    return _by_size(frame[:, :rank], image), frame[:, rank:]


def _by_size(basis: Float64Array, image: Float64Array) -> Float64Array:
    """Rotate an orthonormal basis so that its first directions contain most of ``image``."""
    if not basis.size:
        return basis
    turned: Float64Array = basis @ np.linalg.svd(basis.T @ image, full_matrices=False)[0]
    return turned


@dataclass(frozen=True, eq=False)
class _Part:
    """The points of one cell."""

    cell: int
    points: Float64Array  # (m, q)
    weights: Float64Array  # (m,) that sum to the cell's weight
    steps: Float64Array  # (m, q) displacements from the real rows, in units


def _part(goal: _Goal, sketch: Sketch, count: int, units: Float64Array) -> _Part:
    start, weights = sketch.reservoir.draw(goal.cell, count)
    points = start
    if count < sketch.moments.counts[goal.cell]:
        points, weights = goal.points(start, units), np.ones(count)
    shares = weights / weights.sum()
    return _Part(goal.cell, points, goal.moments.weight * shares, (points - start) / units)


def _joined(parts: Sequence[_Part], moments: CellMoments) -> Transitions:
    points = np.concatenate([part.points for part in parts])
    cells = np.repeat([part.cell for part in parts], [len(part.points) for part in parts])
    weights = np.concatenate([part.weights for part in parts])
    d = moments.obs_dim
    return Transitions(
        observations=points[:, :d],
        actions=cells // 2,
        rewards=points[:, -1],
        next_observations=points[:, d : 2 * d],
        terminations=cells % 2 == 1,
        weights=weights * (len(points) / moments.weights.sum()),
        action_count=moments.action_count,
    )


def _units(moments: Moments) -> Float64Array:
    """Standard deviation of each column; one where it is constant, since no point moves there."""
    return np.where(moments.deviation > 0, moments.deviation, 1.0)


def _differences(data: CellMoments, found: CellMoments, discount: float) -> dict[str, float]:
    span = data.high - data.low
    excess = np.maximum(found.high - data.high, data.low - found.low)
    return {
        "worst_gap": bellman_certificate(data, found, discount).worst_gap,
        "outside_box": max(0.0, float(np.max(excess / np.where(span > 0, span, 1.0)))),
    }
