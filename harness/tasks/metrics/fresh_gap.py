"""Bellman-loss gap on fresh Q-functions, which no distiller has matched."""

from __future__ import annotations

from typing import ClassVar, cast

import numpy as np
from pydantic import PositiveInt

from harness.core.metric import ReductionMetric
from harness.core.reduction import Reduction
from harness.core.transitions import Transitions
from harness.distillation.sampled_regressors import identifiable
from harness.numerics.fresh_predictors import FreshPredictors
from harness.numerics.predictors import Actions


class FreshGap(ReductionMetric[Transitions]):
    """Metric, no training: Bellman-loss gap on fresh Q-functions, not used by any distiller."""

    name: ClassVar[str] = "fresh-predictors"
    metric: ClassVar[str] = "fresh gap"

    actions: Actions = "product"  # how one-hot actions enter the Q-functions
    predictors: PositiveInt = 1000

    def measure(
        self, full: Transitions, reduction: Reduction[Transitions], discount: float | None
    ) -> tuple[float, dict[str, float]]:
        """Return the median relative loss gap over Q-functions, and other quantiles."""
        gamma = cast(float, discount)  # every control run has one
        fresh = FreshPredictors.draw(full, self.actions, gamma, self.predictors)
        gaps = fresh.gaps(reduction.rows)
        return float(np.median(gaps)), {
            "percentile_95": float(np.quantile(gaps, 0.95)),
            "largest": float(gaps.max()),
            "dimension": float(full.obs_dim),
            # Number of parameters of a product predictor, with its λ.
            "identifiable": float(identifiable(full.action_count * (full.obs_dim + 1) + 1)),
        }
