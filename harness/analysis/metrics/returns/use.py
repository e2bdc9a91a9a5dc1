"""What policies are worth as far as the data alone tell, where records keep it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.columns import hundredths, shared, tabulate, thousandths, with_interval
from harness.analysis.frame import arm_rank
from harness.analysis.metrics.base import Table
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.statistics import estimate
from harness.core.records import RunRecord, RunResult

COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "seeds"),
    **with_interval("regret", thousandths),
    **with_interval("agreement", hundredths),
}
DEFINITIONS = (
    "no environment is asked: a teacher, fitted to the full data as recorded (that of the arm's "
    "labels, else the default one), judges the policy of the last checkpoint at states of the full "
    "data",
    "regret: mean over states of the teacher's best value − its value of the policy's action, over "
    "the median gap between its best and its worst action; 0 is the teacher's own",
    "agreement: share of states where the policy acts as the teacher does",
    "each: inter-quartile mean over seeds; interval: 95 % percentile bootstrap over seeds, none "
    "for one seed",
    "runs without are left out: nothing was recorded, or the data hold no signal or refute the "
    "teacher",
    "full repeated beside every size",
)


def compare_use(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare regret and agreement of the arms.

    Returns:
        One row for each dataset, size, learner and arm that has runs with a certificate of use,
        with the columns of ``COLUMNS``: ``seeds`` counts those seeds, ``regret`` is in median
        action gaps of the teacher and ``agreement`` a share, each with a 95 % interval.
    """
    records = list(records)
    if not any(isinstance(record.result, RunResult) and record.result.use for record in records):
        return tabulate([], COLUMNS)  # to score thousands of records takes a while
    runs = scored_seeds(records).dropna(subset=["regret", "agreement"])
    cells = ["dataset", "size", "learner", "arm"]
    rows = [
        dict(zip(cells, key, strict=True)) | _row(cell)
        for key, cell in runs.groupby(cells, dropna=False)
    ]
    rows.sort(key=lambda row: arm_rank(row["arm"]))  # stable: within a block, which sorts first
    table = tabulate(rows, COLUMNS)
    return table.sort_values(cells[:3], kind="stable", ignore_index=True)


def _row(cell: pd.DataFrame) -> dict[str, Any]:
    return {
        "seeds": cell["seed"].nunique(),
        **estimate("regret", [cell["regret"].to_numpy()]),
        **estimate("agreement", [cell["agreement"].to_numpy()]),
    }


USE = Table(
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_use,
    tells_protocol=True,
)
