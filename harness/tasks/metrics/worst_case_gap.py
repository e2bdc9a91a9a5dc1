"""Maximum loss gap over all linear regressors of norm one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.core.metric import ReductionMetric
from harness.core.reduction import Reduction
from harness.core.regression_set import RegressionSet
from harness.distillation.sampled_regressors import identifiable
from harness.numerics.certificates.regression import regression_certificate, regression_moments


class WorstCaseGap(ReductionMetric[RegressionSet]):
    """Metric, no training: maximum loss gap over all linear regressors of norm one."""

    name: ClassVar[str] = "worst-case"
    metric: ClassVar[str] = "worst-case gap"

    def measure(
        self,
        full: RegressionSet,
        reduction: Reduction[RegressionSet],
        discount: float | None,  # noqa: ARG002
    ) -> tuple[float, dict[str, float]]:
        """Return the gap on standardised rows, computed from one eigenvalue, and its scale."""
        moments = regression_moments(full)
        certificate = regression_certificate(moments, regression_moments(reduction.rows))
        dimension = full.features.shape[1] + 1
        details = {
            "dimension": float(dimension - 1),
            "identifiable": float(identifiable(dimension)),
            "relative_gap": certificate.relative_gap,
            "training_scale": float(np.linalg.norm(moments.second_moment, 2)),
        }
        matched = {
            key: reduction.diagnostics[key]
            for key in ("predictors",)
            if key in reduction.diagnostics
        }
        return certificate.worst_gap, details | matched
