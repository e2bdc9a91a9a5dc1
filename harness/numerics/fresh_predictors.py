"""Bellman-loss gaps on fresh Q-functions, which no distiller has matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.arrays import Float64Array
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.numerics.features import draw_features
from harness.numerics.predictors import Actions, Predictors, bellman_losses, sample_linear
from harness.numerics.standardising import Standardised


@dataclass(frozen=True, eq=False)
class FreshPredictors:
    """Q-functions from a separate random stream, and their losses on the full dataset."""

    data: Standardised  # the full dataset, which defines the units
    predictors: Predictors
    losses: Float64Array  # (k,) on the full dataset
    discount: float

    @classmethod
    def draw(
        cls, full: Transitions, actions: Actions, discount: float, count: int = 1000
    ) -> FreshPredictors:
        """Draw Q-functions on identity features, the same for every reduction of a dataset.

        Args:
            full: The full dataset.
            actions: How one-hot actions enter.
            discount: γ.
            count: Number of Q-functions.
        """
        rng = stream("fresh predictors", actions, full.obs_dim, full.action_count)
        features = draw_features("identity", full.obs_dim, 0, rng)
        predictors = sample_linear(features, full.action_count, actions, count, rng)
        return cls.of(full, Standardised.of(full), predictors, discount)

    @classmethod
    def of(
        cls, full: Transitions, data: Standardised, predictors: Predictors, discount: float
    ) -> FreshPredictors:
        """Compute the losses of predictors on the full dataset, of which ``data`` has the units."""
        losses = bellman_losses(predictors, data.rows, full.shares[None], discount)[0]
        return cls(data, predictors, losses, discount)

    def gaps(self, reduced: Transitions) -> Float64Array:
        """Relative loss gaps ``|L_reduced / L_full - 1|`` of all predictors, ``(k,)``."""
        rows = self.data.rows_of(reduced)
        losses = bellman_losses(self.predictors, rows, reduced.shares[None], self.discount)[0]
        gaps: Float64Array = np.abs(losses / self.losses - 1)
        return gaps
