"""Constraint sets of synthetic points: the data's box, its manifold, or local neighbourhoods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.distillation.solvers.neighbours import nearest_of_kind
from harness.numerics.features import PolynomialFeatures

VANISHING = 1e-10  # mean square, relative to the maximum, below which a polynomial vanishes
RANK_TOLERANCE = 1e-6  # below which gradients count as linearly dependent
NEWTON_STEPS = 12


class Domain(ABC):
    """A set of points ``(m, p)``, parametrised by unconstrained or bounded coordinates ``(n,)``."""

    low: Float64Array  # (n,) bounds of the coordinates
    high: Float64Array  # (n,)
    start: Float64Array  # (n,)

    @abstractmethod
    def points(self, coordinates: Float64Array) -> Float64Array:
        """Points ``(m, p)`` at coordinates ``(n,)``."""

    @abstractmethod
    def vector_jacobian(self, coordinates: Float64Array, slopes: Float64Array) -> Float64Array:
        """Derivatives by coordinates ``(r, n)`` from those by points ``(r, m, p)``."""

    @abstractmethod
    def project(self, coordinates: Float64Array) -> Float64Array:
        """Nearest admissible coordinates."""


@dataclass(frozen=True, eq=False)
class Box(Domain):
    """Points within bounds, optionally with prescribed weighted means."""

    low: Float64Array  # (m * p,)
    high: Float64Array  # (m * p,)
    start: Float64Array  # (m * p,)
    shares: Float64Array  # (m,) weights that sum to one
    means: Float64Array | None  # (p,) prescribed means, NaN where a column has none

    @classmethod
    def around(
        cls,
        data: Float64Array,
        start: Float64Array,
        shares: Float64Array,
        means: Float64Array | None,
        fixed: IntArray,
    ) -> Box:
        """Bound each column of the points by the range of ``data``, or fix it at the start.

        For a start outside the range, such as an exact solution's, the start itself is the bound.

        Args:
            data: Real points, ``(N, p)``.
            start: Initial points, ``(m, p)``.
            shares: Weights of the points, ``(m,)``.
            means: Prescribed means ``(p,)``; None if there are none.
            fixed: Columns that do not change.
        """
        low, high = np.minimum(data.min(axis=0), start), np.maximum(data.max(axis=0), start)
        low[:, fixed] = high[:, fixed] = start[:, fixed]
        return cls(low.ravel(), high.ravel(), start.ravel(), shares, means)

    def points(self, coordinates: Float64Array) -> Float64Array:
        """The coordinates themselves."""
        return coordinates.reshape(len(self.shares), -1)

    def vector_jacobian(self, coordinates: Float64Array, slopes: Float64Array) -> Float64Array:  # noqa: ARG002
        """The derivatives themselves."""
        return slopes.reshape(len(slopes), -1)

    def project(self, coordinates: Float64Array) -> Float64Array:
        """Clip; where means are prescribed, first shift each column so that they hold exactly."""
        if self.means is None:
            return np.clip(coordinates, self.low, self.high)
        points, low, high = map(self.points, (coordinates, self.low, self.high))
        shifted = [
            shift_to_mean(column, self.shares, mean, low[:, index], high[:, index])
            for index, (column, mean) in enumerate(zip(points.T, self.means, strict=True))
        ]
        return np.column_stack(shifted).ravel()


@dataclass(frozen=True, eq=False)
class Manifold(Domain):
    """Points in the box on which every polynomial that vanishes on the data vanishes too.

    The polynomials are those of degree two in a state, which keep observations such as cosine and
    sine on their circle, and of degree one in a whole transition, which tie positions to
    velocities. Steps are tangent to the manifold, and Newton's method projects back onto it. Convex
    combinations of a row and its 31 nearest are not enough: on Acrobot half of them miss the circle
    by over 0.02.
    """

    box: Box
    relations: Relations

    @property
    def low(self) -> Float64Array:  # type: ignore[override]
        """Bounds of the box."""
        return self.box.low

    @property
    def high(self) -> Float64Array:  # type: ignore[override]
        """Bounds of the box."""
        return self.box.high

    @property
    def start(self) -> Float64Array:  # type: ignore[override]
        """Initial coordinates, in the box."""
        return self.box.start

    def points(self, coordinates: Float64Array) -> Float64Array:
        """The coordinates themselves."""
        return self.box.points(coordinates)

    def vector_jacobian(self, coordinates: Float64Array, slopes: Float64Array) -> Float64Array:
        """Derivatives projected onto the tangent space."""
        normals = self.relations.gradients(self.points(coordinates))  # (m, relations, p)
        inside = np.linalg.pinv(normals, rcond=RANK_TOLERANCE) @ normals
        tangent: Float64Array = slopes - np.einsum("rmp,mpq->rmq", slopes, inside, optimize=True)
        return tangent.reshape(len(slopes), -1)

    def project(self, coordinates: Float64Array) -> Float64Array:
        """Alternate between clipping and projection onto the manifold, ending on the manifold."""
        points = self.points(coordinates)
        for _ in range(NEWTON_STEPS):
            points = self.points(self.box.project(points.ravel()))
            normals = np.linalg.pinv(self.relations.gradients(points), rcond=RANK_TOLERANCE)
            points = points - np.einsum("mpr,mr->mp", normals, self.relations.values(points))
        return points.ravel()


@dataclass(frozen=True, eq=False)
class Neighbourhoods(Domain):
    """Points near real rows: each moves along the principal axes of its nearest real rows.

    A coordinate is a displacement in units of the neighbours' standard deviation along one axis,
    bounded by their range. In other units the difference s' - s, which is small compared with the
    spread of states, is cheap to distort: matched in the box, differences change by several of
    their own standard deviations, and learners then learn other dynamics. Directions in which
    neighbours do not differ, such as any linear relation of the data, do not change.
    """

    low: Float64Array  # (m * p,)
    high: Float64Array  # (m * p,)
    origin: Float64Array  # (m, p) points at coordinates of zero
    axes: Float64Array  # (m, p, p) columns: axes times the deviation along them, or zero

    @classmethod
    def around(
        cls,
        data: Float64Array,
        kinds: IntArray,
        start: Float64Array,
        start_kinds: IntArray,
        count: int,
        fixed: IntArray,
    ) -> Neighbourhoods:
        """Find the neighbours of every point among the real points of its kind.

        Args:
            data: Real points, ``(N, p)``.
            kinds: Their kinds, such as actions, ``(N,)``.
            start: Initial points, ``(m, p)``.
            start_kinds: Their kinds, ``(m,)``, each of which has a real point.
            count: Number of neighbours; a smaller kind gives all its points.
            fixed: Columns that do not change.
        """
        axes = np.zeros((*start.shape, start.shape[1]))
        low, high = np.zeros(start.shape), np.zeros(start.shape)
        for mine, nearest in nearest_of_kind(data, kinds, start, start_kinds, count):
            for point, rows in zip(mine, nearest, strict=True):
                moves = data[rows] - start[point]
                moves[:, fixed] = 0.0
                axes[point], low[point], high[point] = _principal_axes(moves)
        return cls(low.ravel(), high.ravel(), start, axes)

    @property
    def start(self) -> Float64Array:  # type: ignore[override]
        """No move."""
        return np.zeros(self.origin.size)

    def points(self, coordinates: Float64Array) -> Float64Array:
        """The initial points plus their displacements."""
        moves = coordinates.reshape(self.origin.shape)
        points: Float64Array = self.origin + np.einsum("mpq,mq->mp", self.axes, moves)
        return points

    def vector_jacobian(self, coordinates: Float64Array, slopes: Float64Array) -> Float64Array:  # noqa: ARG002
        """Derivatives along the axes."""
        along: Float64Array = np.einsum("rmp,mpq->rmq", slopes, self.axes, optimize=True)
        return along.reshape(len(slopes), -1)

    def project(self, coordinates: Float64Array) -> Float64Array:
        """Clip."""
        return np.clip(coordinates, self.low, self.high)


def _principal_axes(moves: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Axes ``(p, p)`` of displacements ``(n, p)``, and the minimum and maximum along each."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(moves, rowvar=False, bias=True)))
    spread = np.sqrt(np.where(values > VANISHING * values[-1], values, 0.0))
    along = moves @ vectors / np.where(spread > 0, spread, np.inf)
    return vectors * spread, np.minimum(along.min(axis=0), 0), np.maximum(along.max(axis=0), 0)


@dataclass(frozen=True, eq=False)
class Relations:
    """Polynomials that vanish on the data, as functions of points ``[s, s', r]``."""

    states: PolynomialFeatures
    quadratic: Float64Array  # (width, n) coefficients, for s and for s' alike
    linear: Float64Array  # (p + 1, l) coefficients of [s, s', r, 1]

    @classmethod
    def of(cls, data: Float64Array, obs_dim: int) -> Relations:
        """Find the polynomials that vanish on standardised points ``(N, 2 obs_dim + 1)``."""
        states = PolynomialFeatures(obs_dim)
        linear = np.column_stack([data, np.ones(len(data))])
        return cls(states, _null_space(states(data[:, :obs_dim])), _null_space(linear))

    def values(self, points: Float64Array) -> Float64Array:
        """Values of the polynomials, ``(m, p) -> (m, 2n + l)``."""
        now, then = self._split(points)
        return np.column_stack(
            [
                self.states(now) @ self.quadratic,
                self.states(then) @ self.quadratic,
                points @ self.linear[:-1] + self.linear[-1],
            ]
        )

    def gradients(self, points: Float64Array) -> Float64Array:
        """Their derivatives, ``(m, p) -> (m, 2n + l, p)``."""
        d, n, count = self.states.obs_dim, self.quadratic.shape[1], self.linear.shape[1]
        gradients = np.zeros((len(points), 2 * n + count, points.shape[1]))
        for index, states in enumerate(self._split(points)):
            block = np.einsum("mwd,wn->mnd", self.states.jacobian(states), self.quadratic)
            gradients[:, index * n : (index + 1) * n, index * d : (index + 1) * d] = block
        gradients[:, 2 * n :] = self.linear[:-1].T
        return gradients

    def _split(self, points: Float64Array) -> tuple[Float64Array, Float64Array]:
        d = self.states.obs_dim
        return points[:, :d], points[:, d : 2 * d]


def _null_space(features: Float64Array) -> Float64Array:
    """Unit-norm combinations ``(width, n)`` of columns that vanish on all rows, up to rounding."""
    values, vectors = np.linalg.eigh(features.T @ features / len(features))
    null: Float64Array = vectors[:, values < VANISHING * values[-1]]
    return null


def shift_to_mean(
    values: Float64Array, shares: Float64Array, mean: float, low: Float64Array, high: Float64Array
) -> Float64Array:
    """Project ``(m,)`` values onto the bounds and a prescribed weighted mean, exactly.

    The projection in the metric of ``shares`` is one shift of all values, clipped; the mean of
    clipped values is piecewise linear in the shift. NaN stands for no prescribed mean.
    """
    if np.isnan(mean):
        return np.clip(values, low, high)
    breaks = np.unique(np.concatenate([low - values, high - values]))
    means = shares @ np.clip(values[:, None] + breaks, low[:, None], high[:, None])
    shift = np.interp(mean, means, breaks)
    shifted: Float64Array = np.clip(values + shift, low, high)
    free = (shifted > low) & (shifted < high)
    if free.any():  # the unclipped values absorb the rounding error of the interpolation
        shifted[free] += (mean - shares @ shifted) / shares[free].sum()
    return shifted
