"""Worst-case gaps side by side: what is left undetermined by so many predictors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.frame import arm_rank, gaps_frame
from harness.core.records import RunRecord

COLUMN_TYPES = {
    "dataset": "str",
    "dimension": "int64",
    "size": "Int64",
    "predictors": "Int64",
    "identifiable": "int64",
    "arm": "str",
    "seeds": "int64",
    "gap": "float64",
    "gap_low": "float64",
    "gap_high": "float64",
    "relative_gap": "float64",
    "seconds_reduction": "float64",
}
DEFINITIONS = (
    "d: features; k: regressors whose losses were matched; q = d + 1",
    "q(q+1)/2: regressors that determine every loss",
    "worst-case gap: largest difference of loss over regressors of norm ≤ 1, median over seeds, "
    "with its range over seeds",
    "relative gap: the same divided by the largest loss on the training data, median over seeds",
    "seconds: medians of wall time, which differ between machines",
)


def compare_gaps(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the worst-case gaps of the arms at every number of predictors.

    An arm is a reducer's name here, whatever its label. Failed runs are left out: the number of
    their predictors is not known.

    Returns:
        One row a dataset, size, number of predictors and arm, with the columns of
        ``COLUMN_TYPES``; ``gap`` is the median over seeds, from ``gap_low`` to ``gap_high`` in
        all, ``relative_gap`` and the seconds are medians.
    """
    runs = gaps_frame(records)
    rows = [
        _arm_row(block[block["arm"] == arm])
        for _, block in runs.groupby(["dimension", "dataset", "size", "predictors"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
    ]
    return pd.DataFrame(rows, columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    first = runs.iloc[0]
    keys = ("dataset", "dimension", "size", "predictors", "identifiable", "arm")
    return {
        **{key: first[key] for key in keys},
        "seeds": runs["seed"].nunique(),
        "gap": runs["gap"].median(),
        "gap_low": runs["gap"].min(),
        "gap_high": runs["gap"].max(),
        "relative_gap": runs["relative_gap"].median(),
        "seconds_reduction": runs["seconds_reduction"].median(),
    }
