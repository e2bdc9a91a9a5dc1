"""A metric of one's own: how far a reduction's mean state is from that of the full dataset.

In a suite, a metric takes a learner's place:

    learners = ["mean_shift:MeanShift"]
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.core.metric import ReductionMetric
from harness.core.reduction import Reduction
from harness.core.transitions import Transitions


class MeanShift(ReductionMetric[Transitions]):
    """Metric, no training: distance of the mean states, in standard deviations of the full data."""

    name: ClassVar[str] = "mean-shift"
    metric: ClassVar[str] = "mean shift"

    def measure(
        self,
        full: Transitions,
        reduction: Reduction[Transitions],
        discount: float | None,  # noqa: ARG002
    ) -> tuple[float, dict[str, float]]:
        """Return the Euclidean distance, and the largest of one coordinate."""
        states = full.observations.astype(np.float64)
        spread = np.maximum(states.std(axis=0), np.finfo(float).tiny)
        kept = reduction.rows.shares @ reduction.rows.observations.astype(np.float64)
        shift = np.abs(kept - full.shares @ states) / spread
        return float(np.linalg.norm(shift)), {"largest": float(shift.max())}
