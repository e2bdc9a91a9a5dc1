"""The contract of every metric that is computed on a reduction."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import TypeAdapter

from baselines.full import FullReducer
from baselines.random import RandomReducer
from harness.core.classes.registry import import_class, reference_to
from harness.core.metric import ReductionMetric
from harness.core.records import MetricName
from harness.core.reduction import reduce_seeded
from harness.core.transitions import Transitions
from harness.testing.reducers import small_source


class MetricContract:
    """What a metric keeps to, whatever its rows: inherit, and set ``subject``."""

    subject: ClassVar[ReductionMetric[Any]]

    @pytest.fixture
    def metric(self) -> ReductionMetric[Any]:
        """Return the metric under test; override it for several."""
        return self.subject

    @pytest.fixture
    def source(self, metric: ReductionMetric[Any]) -> Any:
        """Return the full data."""
        return small_source(metric.row_type() or Transitions)

    def test_the_data_themselves_are_best(self, metric: ReductionMetric[Any], source: Any) -> None:
        full = reduce_seeded(source, FullReducer[Any](), len(source), 0)
        few = reduce_seeded(source, RandomReducer[Any](), 5, 0)
        best, _ = metric.measure(source, full, 0.9)
        worse, _ = metric.measure(source, few, 0.9)
        assert best <= worse

    def test_it_gives_finite_numbers(self, metric: ReductionMetric[Any], source: Any) -> None:
        few = reduce_seeded(source, RandomReducer[Any](), 5, 0)
        value, details = metric.measure(source, few, 0.9)
        assert np.isfinite(value)
        assert all(isinstance(name, str) and np.isfinite(found) for name, found in details.items())

    def test_it_is_the_same_again(self, metric: ReductionMetric[Any], source: Any) -> None:
        few = reduce_seeded(source, RandomReducer[Any](), 5, 0)
        assert metric.measure(source, few, 0.9) == metric.measure(source, few, 0.9)

    def test_it_says_what_its_value_is(self, metric: ReductionMetric[Any]) -> None:
        assert TypeAdapter(MetricName).validate_python(metric.metric) == metric.metric

    def test_workers_find_it_by_its_name(self, metric: ReductionMetric[Any]) -> None:
        reference = reference_to(type(metric))
        assert reference
        if ":" in reference:
            assert import_class(reference, "metric") is type(metric)
