"""The metrics that the analysis knows: a file each, listed here.

A package adds one by an entry point of the group ``bellman_bench.analysis``: the metric's name,
with '-' for each space, to ``module:METRIC``, a `Metric`. Others are compared as `generic`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from harness.analysis.metrics.base import Metric, measured
from harness.analysis.metrics.fresh_gap import FRESH_GAP
from harness.analysis.metrics.generic import generic
from harness.analysis.metrics.returns import RETURNS
from harness.analysis.metrics.test_error import TEST_ERROR
from harness.analysis.metrics.worst_case_gap import WORST_CASE_GAP
from harness.core.classes.registry import load_entry_point
from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.core.specs import Task

__all__ = [
    "FRESH_GAP",
    "METRICS",
    "RETURNS",
    "TEST_ERROR",
    "WORST_CASE_GAP",
    "Metric",
    "comparison",
    "generic",
    "metric_named",
    "metric_of",
]

GROUP = "bellman_bench.analysis"  # of entry points

METRICS = {metric.name: metric for metric in (RETURNS, TEST_ERROR, WORST_CASE_GAP, FRESH_GAP)}


def metric_of(records: Iterable[RunRecord]) -> Metric:
    """Find the metric that all these records measure.

    Raises:
        InputError: If the records do not share one, or engines are mixed under one label.
    """
    records = list(records)
    _check_engines(records)
    found = {
        name
        for task in {record.spec.task for record in records}
        for name in _names([record for record in records if record.spec.task == task], task)
    }
    if len(found) > 1:
        raise InputError(
            f"records that measure {' and '.join(sorted(found))}: runs are compared by one "
            "measure; keep the records of each suite in a folder of their own"
        )
    return metric_named(found.pop()) if found else RETURNS


def _check_engines(records: Iterable[RunRecord]) -> None:
    engines: dict[str, str] = {}
    for spec in (record.spec for record in records):
        if engines.setdefault(spec.learner.label, spec.engine) != spec.engine:
            raise InputError(
                f"learner {spec.learner.label!r} was trained by the engines "
                f"{engines[spec.learner.label]!r} and {spec.engine!r}: they are compared under "
                "labels of their own; keep the records of each suite in a folder of their own"
            )


def metric_named(name: str) -> Metric:
    """Find a metric: one that comes with the package, an entry point's, or the generic one.

    Raises:
        InputError: If the entry point of that name cannot be imported or is no such metric.
    """
    if name in METRICS:
        return METRICS[name]
    point = name.replace(" ", "-")
    found = load_entry_point(GROUP, point, "metric")
    if found is None:
        return generic(name)
    if not isinstance(found, Metric) or found.name != name:
        raise InputError(
            f"entry point {point!r} of {GROUP!r} must be a `Metric` named {name!r}, and is "
            f"{getattr(found, 'name', type(found).__name__)!r}: correct its package or remove it"
        )
    return found


def comparison(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms by what was measured; see the `compare` of each metric.

    Raises:
        InputError: If the records do not share one metric.
    """
    records = list(records)
    return metric_of(records).compare(records)


def _names(records: list[RunRecord], task: Task) -> set[str]:
    """What the runs of a task measured; its default where all of them failed."""
    found = {name for name in map(measured, records) if name is not None}
    return found or {
        name for name, metric in METRICS.items() if metric.task == task and metric.is_default
    }
