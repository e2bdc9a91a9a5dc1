"""Regression arms that distillation is compared with: subsets of the dataset's own rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from baselines.leverage import draw_systematic, inclusion_probabilities, leverage_scores
from harness.core.arrays import IntArray
from harness.core.regression_set import RegressionReducer, RegressionSet

TINY = np.finfo(float).tiny


class FullRegression(RegressionReducer):
    """Keeps every row; the requested size is ignored."""

    name: ClassVar[str] = "full"

    def _reduce(
        self,
        data: RegressionSet,
        size: int,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[RegressionSet, IntArray | None, dict[str, float]]:
        return data, np.arange(len(data)), {}


class RandomRegression(RegressionReducer):
    """Draws rows uniformly without replacement; rows keep their weights."""

    name: ClassVar[str] = "random"

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, dict[str, float]]:
        rows = np.sort(rng.choice(len(data), size, replace=False))
        return data.take(rows), rows, {}


class LeverageRegression(RegressionReducer):
    """Draws rows ``ζ = (x, y)`` with probability in proportion to their exact leverage.

    Every row has exactly its inclusion probability, so that the weights ``share / probability``
    make weighted sums over the sample unbiased.
    """

    name: ClassVar[str] = "leverage"

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, dict[str, float]]:
        shares = data.shares
        rows = np.sqrt(shares)[:, None] * np.column_stack([data.features, data.targets])
        # Leverage ignores the columns' units, and at unit scale their rank is safe to judge.
        scores = leverage_scores(rows / np.maximum(np.linalg.norm(rows, axis=0), TINY))
        probabilities = inclusion_probabilities(np.maximum(scores, TINY), size)
        drawn = draw_systematic(probabilities, rng)
        diagnostics = {"rank": float(round(scores.sum())), "largest_score": float(scores.max())}
        return data.take(drawn, shares[drawn] / probabilities[drawn]), drawn, diagnostics
