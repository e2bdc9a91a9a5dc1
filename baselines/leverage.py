"""Leverage-score subsampling with importance weights, of transitions and of regression rows."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from pydantic import Field

from baselines.leverage_in_parts import CERTAIN, negligible_score, sample_in_parts
from harness.core.arrays import FloatArray, IntArray
from harness.core.parts import Parts
from harness.core.reduction import Diagnostics, Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions
from harness.numerics.features import additive_rows
from harness.numerics.standardising import Standardiser

TINY = np.finfo(float).tiny


class LeverageReducer(Reducer[Transitions]):
    """Sample rows in proportion to the leverage scores of their Bellman features, reweighted.

    Sampling is without replacement: systematic sampling over a random order gives every row exactly
    its inclusion probability, so that importance weights ``share / probability`` make weighted sums
    over the sample unbiased.
    """

    name: ClassVar[str] = "leverage"

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        features = additive_rows(transitions, Standardiser.fit(transitions), self.discount)
        shares = transitions.shares
        scores = leverage_scores(np.sqrt(shares)[:, None] * features)
        probabilities = inclusion_probabilities(scores, size)
        rows = draw_systematic(probabilities, rng)
        weights = shares[rows] / probabilities[rows]
        diagnostics = {"rank": float(round(scores.sum())), "largest_score": float(scores.max())}
        return transitions.take(rows, weights), rows, diagnostics

    def reduce_parts(
        self, parts: Parts, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Sample by the same probabilities up to rounding, systematically in the rows' order."""
        return sample_in_parts(parts, size, self.discount, rng)


class LeverageRegression(Reducer[RegressionSet]):
    """Sample rows ``ζ = (x, y)`` in proportion to their leverage scores, with importance weights.

    Sampling is without replacement. Every row has exactly its inclusion probability, so that the
    weights ``share / probability`` make weighted sums over the sample unbiased.
    """

    name: ClassVar[str] = "leverage"

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, Diagnostics]:
        shares = data.shares
        rows = np.sqrt(shares)[:, None] * np.column_stack([data.features, data.targets])
        # Leverage does not depend on the columns' units, and at unit scale the rank is reliable.
        scores = leverage_scores(rows / np.maximum(np.linalg.norm(rows, axis=0), TINY))
        probabilities = inclusion_probabilities(np.maximum(scores, TINY), size)
        drawn = draw_systematic(probabilities, rng)
        diagnostics = {"rank": float(round(scores.sum())), "largest_score": float(scores.max())}
        return data.take(drawn, shares[drawn] / probabilities[drawn]), drawn, diagnostics


def leverage_scores(rows: FloatArray) -> NDArray[np.float64]:
    """Leverage scores of rows, ``(N, q) -> (N,)``: row norms² of an orthonormal column basis.

    By pivoted QR; columns beyond the numerical rank are left out, so the scores sum to the rank.
    """
    basis, triangle, _ = scipy.linalg.qr(rows, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    rank = np.count_nonzero(diagonal > diagonal[0] * max(rows.shape) * np.finfo(float).eps)
    scores: NDArray[np.float64] = np.square(basis[:, :rank]).sum(axis=1)
    return scores


def inclusion_probabilities(scores: FloatArray, size: int) -> NDArray[np.float64]:
    """Inclusion probabilities ``(N,)`` in proportion to ``scores``, capped at one, sum ``size``.

    Rows of score zero get a negligible score, so that any size up to ``N`` can be drawn.
    """
    scores = np.maximum(scores, negligible_score(float(scores.sum()), len(scores)))
    certain = np.zeros(len(scores), dtype=bool)
    probabilities = np.ones(len(scores))
    while not certain.all():
        free = scores[~certain]
        probabilities[~certain] = (size - np.count_nonzero(certain)) * free / free.sum()
        over = ~certain & (probabilities > CERTAIN)
        if not over.any():
            break
        probabilities[over] = 1.0
        certain |= over
    return probabilities


def draw_systematic(probabilities: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw rows by systematic sampling, each with exactly its inclusion probability.

    Returns:
        Distinct rows in ascending order, as many as the probabilities sum to.
    """
    certain = np.flatnonzero(probabilities == 1)
    order = rng.permutation(np.flatnonzero(probabilities < 1))
    size = round(float(probabilities[order].sum()))
    if size == 0:
        return certain
    ends = np.cumsum(probabilities[order])
    ends *= size / ends[-1]  # so that rounding cannot lose the last row
    picks = np.searchsorted(ends, rng.random() + np.arange(size), side="right")
    return np.sort(np.concatenate([certain, order[picks]]))
