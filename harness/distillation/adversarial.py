"""Sets with the training loss on every sampled regressor and the largest gap on all others.

They illustrate the paper's lower bound: ``k`` losses are ``k`` linear equations on the symmetric
``E[ζζᵀ]``. With fewer than ``q(q+1)/2`` of them some symmetric ``S`` has ``gᵀSg = 0`` for every
sampled ``g``, so that the second moments ``M + S`` and ``M`` give all of them the same loss while
other regressors have a loss gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics
from harness.core.regression_set import RegressionSet
from harness.distillation.sampled_regressors import SampledRegressors
from harness.distillation.solvers.reservoir import Reservoir
from harness.numerics.certificates.regression import regression_moments
from harness.numerics.moment_matching import nearest, root, truncated

STARTS = 8  # random starts of the ascent
STEPS = 200  # maximum number, in one ascent


class AdversarialRegression(SampledRegressors):
    """Match the loss of every sampled regressor, with the largest worst-case gap on all others.

    A method that sees the data only through those regressors cannot rule out this set. Where they
    determine the second moment, the result is an exact set.
    """

    name: ClassVar[str] = "adversarial"

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, Diagnostics]:
        moments = regression_moments(data)
        reservoir = Reservoir(size, rng)
        reservoir.offer(data)
        goal = moments.second_moment
        regressors = self._sample(len(goal), rng)
        found = adversarial_set(goal, regressors, rng)
        if found is not None:
            goal = regression_moments(found.data).second_moment
        unit = np.ones(len(goal))
        points = nearest(reservoir.rows, truncated(root(goal), size), unit)
        synthetic = RegressionSet(points[:, :-1], points[:, -1], np.ones(size))
        return synthetic, None, {"predictors": float(len(regressors))}


@dataclass(frozen=True, eq=False)
class AdversarialSet:
    """A set on which every sampled regressor has its loss on the training data."""

    data: RegressionSet  # as many points as the rank of their second moment
    worst_gap: float  # operator norm of the change of the second moment
    regressor: Float64Array  # (q,) of norm one, has that gap


def adversarial_set(
    second_moment: Float64Array, regressors: Float64Array, rng: np.random.Generator
) -> AdversarialSet | None:
    """Build the set with the largest worst-case loss gap that a search finds.

    The change ``S`` is scaled up while ``M + S`` and ``M - S`` stay positive semi-definite: then no
    loss more than doubles, without which the gap is unbounded for fewer than ``q`` regressors.
    The direction of ``S`` is found by ascents from random starts, which alternate between the
    projection onto the null space and the leading eigenvector: the gap is a lower bound on the
    worst case.

    Args:
        second_moment: ``M = E[ζζᵀ]`` of the training data, ``(q, q)``.
        regressors: Sampled regressors, ``(k, q)``.
        rng: Draws the starts.

    Returns:
        The set, or None where the sampled regressors determine the second moment.
    """
    factor = root(second_moment)
    changes = _null_space(regressors @ factor.T)
    if not len(changes):
        return None
    found = [_ascend(changes, factor, rng.normal(size=len(factor))) for _ in range(STARTS)]
    change = max(found, key=lambda one: _gap(one, factor)[0])
    gap, regressor = _gap(change, factor)
    moved = root(np.eye(len(factor)) + change) @ factor
    points = np.sqrt(len(moved)) * moved
    data = RegressionSet(points[:, :-1], points[:, -1], np.ones(len(points)))
    return AdversarialSet(data, gap, regressor)


def _null_space(directions: Float64Array) -> Float64Array:
    """Orthonormal symmetric ``T`` with ``hᵀTh = 0`` for each row ``h``, ``(k, r) -> (n, r, r)``."""
    rank = directions.shape[1]
    rows, columns = np.triu_indices(rank)
    twice = np.where(rows == columns, 1.0, np.sqrt(2))
    products = twice * directions[:, rows] * directions[:, columns]
    lengths = np.linalg.norm(products, axis=1, keepdims=True)
    basis = scipy.linalg.null_space(products / np.where(lengths > 0, lengths, 1.0)).T
    matrices = np.zeros((len(basis), rank, rank))
    matrices[:, rows, columns] = basis / twice
    matrices[:, columns, rows] = basis / twice
    return matrices


def _ascend(changes: Float64Array, factor: Float64Array, start: Float64Array) -> Float64Array:
    """Maximise the operator norm of ``factorᵀ T factor`` over ``T`` of unit Frobenius norm.

    Returns:
        ``T (r, r)`` in the span of ``changes``, scaled to operator norm one.
    """
    direction, gap = start, 0.0
    for _ in range(STEPS):
        change = np.einsum("nij,i,j,nkl->kl", changes, direction, direction, changes, optimize=True)
        change /= np.linalg.norm(change)
        before, (gap, regressor) = gap, _gap(change, factor)
        if gap <= before * (1 + 1e-9):
            break
        direction = factor @ regressor
    scaled: Float64Array = change / np.linalg.norm(change, ord=2)
    return scaled


def _gap(change: Float64Array, factor: Float64Array) -> tuple[float, Float64Array]:
    """Operator norm of ``factorᵀ T factor``, and the unit vector that attains it."""
    values, vectors = np.linalg.eigh(factor.T @ change @ factor)
    worst = int(np.argmax(np.abs(values)))
    return float(np.abs(values[worst])), vectors[:, worst]
