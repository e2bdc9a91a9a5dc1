"""Bellman-loss gaps on predictors that no distiller has matched, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.frame import arm_rank, beside_every_size, runs_frame
from harness.records import RunRecord

COLUMN_TYPES = {
    "dataset": "str",
    "size": "Int64",
    "learner": "str",
    "arm": "str",
    "rows": "Int64",
    "seeds": "int64",
    "failed": "int64",
    "fresh_gap": "float64",
    "fresh_gap_low": "float64",
    "fresh_gap_high": "float64",
    "seconds_reduction": "float64",
}
DEFINITIONS = (
    "fresh gap: each run's median over predictors that it did not match of "
    "|loss / loss on the full data − 1|, median over seeds, with its range over seeds",
    "learner: the judge that draws the predictors",
    "seconds: medians of wall time, which differ between machines",
)


def compare_fresh_gaps(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the fresh gaps of the arms of every dataset, size and judge.

    Failed runs are counted and left out.

    Returns:
        One row an arm with the columns of ``COLUMN_TYPES``; ``fresh_gap`` is the median over
        seeds, from ``fresh_gap_low`` to ``fresh_gap_high`` in all, ``rows`` and the seconds are
        medians.
    """
    runs = beside_every_size(runs_frame(records))
    rows = [
        _arm_row(block[block["arm"] == arm])
        for _, block in runs.groupby(["dataset", "size", "learner"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
    ]
    return pd.DataFrame(rows, columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    done = runs[runs["status"] == "completed"]
    first = runs.iloc[0]
    return {
        **{key: first[key] for key in ("dataset", "size", "learner", "arm")},
        "rows": round(done["rows"].median()) if len(done) else pd.NA,
        "seeds": done["seed"].nunique(),
        "failed": len(runs) - len(done),
        "fresh_gap": done["headline"].median(),
        "fresh_gap_low": done["headline"].min(),
        "fresh_gap_high": done["headline"].max(),
        "seconds_reduction": done["seconds_reduction"].median(),
    }
