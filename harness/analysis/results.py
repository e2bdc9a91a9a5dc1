"""Records as one data frame: a row a run, with everything that analyses of others start from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.frame import frame_of, in_order
from harness.analysis.metrics.base import measured
from harness.analysis.metrics.returns.comparison import with_scores
from harness.core.presentation.run_values import measurements_of, settings_of
from harness.core.records import RunRecord, RunResult

COLUMNS = {  # and their pandas types, in this order
    "suite": "str",
    "run_id": "str",
    "task": "str",
    "dataset": "str",
    "arm": "str",
    "method": "str",
    "labels": "str",
    "teacher": "string",
    "control": "string",
    "size": "Int64",
    "learner": "str",
    "engine": "str",
    "seed": "int64",
    "replicate": "int64",
    "discount": "float64",
    "episodes": "Int64",
    "status": "str",
    "reason": "string",
    "failure": "string",
    "metric": "string",
    "headline": "float64",
    "score": "float64",
    "last_return": "float64",
    "regret": "float64",
    "agreement": "float64",
    "reference_min": "float64",
    "reference_max": "float64",
    "steps": "Int64",
    "rows": "Int64",
    "bytes": "Int64",
    "dataset_bytes": "Int64",
    "dataset_hash": "string",
    "environment": "string",
    "seconds_reduction": "float64",
    "seconds_training": "float64",
    "seconds_evaluation": "float64",
}


def results_frame(records: Iterable[RunRecord], suite: str) -> pd.DataFrame:
    """Tabulate the runs of a suite with the columns of ``COLUMNS``; see `harness.load_results`."""
    types = {name: kind for name, kind in COLUMNS.items() if name != "score"}
    runs = frame_of((_row(record, suite) for record in in_order(records)), types)
    return with_scores(runs)[list(COLUMNS)]


def _row(record: RunRecord, suite: str) -> dict[str, Any]:
    result = record.result
    row = {
        "suite": suite,
        "run_id": record.run_id,
        **settings_of(record.spec),
        "status": record.status,
        "reason": record.reason,
        "failure": record.failure,
        "metric": measured(record),
        **measurements_of(record),
    }
    if result is not None:
        environment = result.dataset.environment
        row |= {
            "dataset_hash": result.dataset.content_hash,
            "environment": None if environment is None else str(environment),
        }
    if isinstance(result, RunResult):
        row["steps"] = result.checkpoints[-1].step
    return row
