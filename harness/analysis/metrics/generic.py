"""The comparison by a metric that the analysis has no file for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.columns import shared, small, tabulate, with_interval
from harness.analysis.frame import arm_rank, average_replicates, beside_every_size, runs_frame
from harness.analysis.metrics.base import Chart, Metric
from harness.analysis.metrics.verdicts import sets_alone, tell_least
from harness.core.records import RunRecord

COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "seeds", "failed"),
    **with_interval("value", small, interval="range"),
    **shared("seconds_reduction"),
}


def generic(name: str) -> Metric:
    """Make the metric of this name: a table of its values, a chart in the report and no figure."""
    return Metric(
        name=name,
        columns=COLUMNS,
        definitions=(
            f"value: {name}, of which less is better, median over seeds, with its range over seeds",
            "full repeated beside every size",
            "seconds: medians of wall time, which differ between machines",
        ),
        compare=compare_values,
        charts=(
            Chart(title=name[:1].upper() + name[1:], value="value", against="size", axis="rows"),
        ),
        verdict=lambda records, comparison: tell_least(
            sets_alone(comparison, records), "value", COLUMNS, name
        ),
    )


def compare_values(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the values of the arms of every dataset, size and learner.

    The arm ``full`` is repeated beside every size. Failed runs are counted, and no part of any
    median.

    Returns:
        One row an arm with the columns of ``COLUMNS``: ``seeds`` and ``failed`` count runs
        (``seeds`` distinct ones), ``value`` is the median over seeds, from ``value_low`` to
        ``value_high`` in all; seconds are medians.
    """
    runs = beside_every_size(average_replicates(runs_frame(records)))
    rows = [
        _arm_row(block[block["arm"] == arm])
        for _, block in runs.groupby(["dataset", "size", "learner"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
    ]
    return tabulate(rows, COLUMNS)


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    done = runs[runs["status"] == "completed"]
    first = runs.iloc[0]
    return {
        **{key: first[key] for key in ("dataset", "size", "learner", "arm")},
        "seeds": done["seed"].nunique(),
        "failed": len(runs) - len(done),
        "value": done["headline"].median(),
        "value_low": done["headline"].min(),
        "value_high": done["headline"].max(),
        "seconds_reduction": done["seconds_reduction"].median(),
    }
