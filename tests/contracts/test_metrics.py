"""The contract of every metric on a reduction."""

from __future__ import annotations

from harness.tasks.metrics.fresh_gap import FreshGap
from harness.tasks.metrics.worst_case_gap import WorstCaseGap
from harness.testing import MetricContract


class TestFreshGap(MetricContract):
    subject = FreshGap(predictors=50)


class TestFreshGapOfAdditivePredictors(MetricContract):
    subject = FreshGap(actions="additive", predictors=50)


class TestWorstCaseGap(MetricContract):
    subject = WorstCaseGap()
