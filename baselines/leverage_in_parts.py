"""Leverage-score sampling of a dataset in parts: three passes, and no array of all rows.

The first pass sums the second moments of the Bellman features, from which a row's score follows
alone. The second sums the scores, and keeps the largest: they decide which rows are certain, and
the factor of the others. The third samples systematically, in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import add

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.core.parts import Parts, join, merge_in_pairs, take_local
from harness.core.reduction import Diagnostics
from harness.core.transitions import Transitions
from harness.numerics.cell_moments import CellMoments, moments_of_chunks
from harness.numerics.certificates.bellman import bellman_moments
from harness.numerics.certificates.regression import whitener
from harness.numerics.features import additive_rows
from harness.numerics.standardising import Standardiser

CERTAIN = 1 - 1e-9  # a probability from which on it counts as one
NEGLIGIBLE = 1e-12  # of the mean score: the score of a row that has none


def negligible_score(total: float, rows: int) -> float:
    """Return the score of a row that has none, so that any number of rows can be drawn.

    Args:
        total: Sum of all scores.
        rows: Their number.
    """
    return NEGLIGIBLE * total / rows


@dataclass(frozen=True, eq=False)
class Scores:
    """Leverage scores by the second moments of all rows."""

    standardiser: Standardiser
    frame: Float64Array  # (q, rank) that whitens the second moments
    discount: float
    weight: float  # of all rows
    negligible: float  # minimum score, so that any number of rows can be drawn

    @classmethod
    def by(cls, moments: CellMoments, discount: float) -> Scores:
        """Prepare scores from the moments of all rows."""
        standardiser = moments.standardiser
        frame = whitener(bellman_moments(moments, standardiser, discount))
        negligible = negligible_score(frame.shape[1], int(moments.counts.sum()))
        return cls(standardiser, frame, discount, float(moments.weights.sum()), negligible)

    def of(self, rows: Transitions) -> Float64Array:
        """Scores of rows, ``(N,)``."""
        features = additive_rows(rows, self.standardiser, self.discount)
        sizes = np.square(features @ self.frame).sum(axis=1)
        scores: Float64Array = np.maximum(rows.weights / self.weight * sizes, self.negligible)
        return scores


@dataclass(frozen=True, eq=False)
class _Tally:
    """The scores of a part."""

    rows: int
    rest: float  # sum of all but the largest
    largest: Float64Array  # descending, at most as many as are to be drawn

    def free(self, factor: float) -> float:
        """Sum of the probabilities of rows that are not certain."""
        uncertain = self.largest[factor * self.largest <= CERTAIN]
        return factor * (self.rest + float(uncertain.sum()))


def sample_in_parts(
    parts: Parts, size: int, discount: float, rng: np.random.Generator
) -> tuple[Transitions, IntArray, Diagnostics]:
    """Sample rows by leverage, each with exactly its inclusion probability.

    Args:
        parts: The dataset.
        size: Number of rows.
        discount: γ of the Bellman features.
        rng: Draws the start of the systematic sample.

    Returns:
        The rows with importance weights, their numbers, and diagnostics.
    """
    scores = Scores.by(merge_in_pairs(parts.map(moments_of_chunks), add), discount)
    every = [scores] * parts.count
    tallies = list(parts.map(_tally, every, [size] * len(every)))
    factor, uncertain = _factor(tallies, size)
    edges = np.cumsum([0.0, *(tally.free(factor) for tally in tallies)])
    edges *= uncertain / edges[-1] if edges[-1] > 0 else 0.0
    edges[-1] = uncertain  # rounding loses no row
    edges -= rng.random()
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    found = list(parts.map(_draw, every, [factor] * len(every), spans))
    begins = np.cumsum([0, *(tally.rows for tally in tallies)])[:-1]
    rows = np.concatenate([own + begin for (_, own), begin in zip(found, begins, strict=True)])
    diagnostics = {
        "rank": float(scores.frame.shape[1]),
        "largest_score": max(float(tally.largest[0]) for tally in tallies),
    }
    return join(taken for taken, _ in found), rows, diagnostics


def _tally(chunks: Iterable[Transitions], scores: Scores, size: int) -> _Tally:
    found = np.sort(np.concatenate([scores.of(chunk) for chunk in chunks]))[::-1]
    return _Tally(len(found), float(found[size:].sum()), found[:size].copy())


def _factor(tallies: list[_Tally], size: int) -> tuple[float, int]:
    """Probability for each unit of score, and the number of rows to draw of those not certain."""
    if size == sum(tally.rows for tally in tallies):
        return 2.0 / min(float(tally.largest[-1]) for tally in tallies), 0
    largest = np.sort(np.concatenate([tally.largest for tally in tallies]))[::-1]
    # Summed from the smallest on: what is left by the large ones may be less than they round by.
    left = sum(tally.rest for tally in tallies) + np.cumsum(largest[::-1])[::-1][:size]
    factors = (size - np.arange(size)) / left
    free = np.flatnonzero(factors * largest[:size] <= CERTAIN)
    certain = int(free[0]) if len(free) else size
    return float(factors[min(certain, size - 1)]), size - certain


def _draw(
    chunks: Iterable[Transitions], scores: Scores, factor: float, span: tuple[float, float]
) -> tuple[Transitions | None, IntArray]:
    """Draw the certain rows of a part, and those at which its running sum passes an integer."""
    there = list(chunks)
    probabilities = np.minimum(factor * np.concatenate([scores.of(chunk) for chunk in there]), 1.0)
    certain = probabilities > CERTAIN
    probabilities[certain] = 1.0
    free = np.flatnonzero(~certain)
    picks = np.arange(np.ceil(span[0]), np.ceil(span[1]))
    ends = span[0] + np.cumsum(probabilities[free])
    passed = np.searchsorted(ends, picks, side="right").clip(max=max(len(free) - 1, 0))
    rows = np.sort(np.concatenate([np.flatnonzero(certain), free[passed]]))
    taken = take_local(there, rows)
    if taken is None:
        return None, rows
    shares = taken.weights / scores.weight
    return taken.take(np.arange(len(rows)), shares / probabilities[rows]), rows
