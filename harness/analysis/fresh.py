"""Bellman-loss gaps on fresh predictors side by side: how many predictors matching needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.frame import arm_rank, beside_every_size, fresh_frame
from harness.core.records import RunRecord

COLUMN_TYPES = {
    "dataset": "str",
    "dimension": "int64",
    "size": "Int64",
    "judge": "str",
    "arm": "str",
    "predictors": "Int64",
    "seeds": "int64",
    "fresh_gap": "float64",
    "fresh_gap_low": "float64",
    "fresh_gap_high": "float64",
    "percentile_95": "float64",
    "largest": "float64",
    "identifiable": "int64",
    "seconds_reduction": "float64",
}
DEFINITIONS = (
    "fresh gap: each run's median over fresh predictors, which no reducer has matched, of "
    "|loss / loss on the full data − 1|, median over seeds, with its range over seeds",
    "95th percentile and largest: the same over fresh predictors, medians over seeds",
    "judge: how actions enter the fresh predictors; bellman-additive and bellman-product: how they "
    "enter the matched ones",
    "d: length of a state; k: predictors whose losses were matched",
    "q(q+1)/2: coefficients of a product predictor's loss, with q = A(d + 1) + 1 for A actions",
    "seconds: medians of wall time, which differ between machines",
)


def compare_fresh(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms' gaps on fresh predictors, for every dataset, size and judge.

    An arm is a reducer's name here, whatever its label, and for ``bellman`` also how actions
    enter its predictors. The arm ``full`` is repeated beside every size. Failed runs are left
    out: the number of their predictors is not known.

    Returns:
        One row an arm and number of predictors with the columns of ``COLUMN_TYPES``:
        ``predictors`` is missing where an arm matches none; ``fresh_gap`` is the median over
        seeds of each run's median relative gap, from ``fresh_gap_low`` to ``fresh_gap_high`` in
        all; ``percentile_95``, ``largest`` and the seconds are medians over seeds.
    """
    runs = beside_every_size(fresh_frame(records))
    rows = [
        _arm_row(same)
        for _, block in runs.groupby(["dimension", "dataset", "size", "judge"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
        for _, same in block[block["arm"] == arm].groupby("predictors", dropna=False)
    ]
    return pd.DataFrame(rows, columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    first = runs.iloc[0]
    keys = ("dataset", "dimension", "size", "judge", "arm", "predictors", "identifiable")
    return {
        **{key: first[key] for key in keys},
        "seeds": runs["seed"].nunique(),
        "fresh_gap": runs["gap"].median(),
        "fresh_gap_low": runs["gap"].min(),
        "fresh_gap_high": runs["gap"].max(),
        **{name: runs[name].median() for name in ("percentile_95", "largest")},
        "seconds_reduction": runs["seconds_reduction"].median(),
    }
