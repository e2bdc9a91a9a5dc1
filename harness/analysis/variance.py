"""Where the spread over runs comes from: the reduction's seed or the learner's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from harness.analysis.frame import arm_rank, runs_frame
from harness.analysis.returns import with_scores
from harness.analysis.statistics import FloatArray, paired_interval
from harness.records import RunRecord

COLUMN_TYPES = {
    "dataset": "str",
    "size": "Int64",
    "learner": "str",
    "arm": "str",
    "seeds": "int64",
    "runs": "int64",
    "failed": "int64",
    "deviation_reduction": "float64",
    "deviation_learner": "float64",
    "share": "float64",
    "share_low": "float64",
    "share_high": "float64",
}
DEFINITIONS = (
    "every reduction is trained on with several learner seeds, which share its evaluation episodes",
    "standard deviations of the score, normalised to 0..1, between reduction seeds and between "
    "learner seeds on one reduction: one-way random-effects analysis of variance",
    "share: variance between reductions / (variance between + variance within)",
    "an estimate of the variance between reductions can be negative and is then reported as 0",
    "full has one reduction, so that its variance between seeds estimates 0 but for the episodes",
    "interval: 95 % percentile bootstrap over reduction seeds",
)


def compare_variance(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Split the variance of the score by the seed that it comes from.

    Returns:
        One row for each dataset, size, learner and arm with the columns of ``COLUMN_TYPES``:
        ``seeds`` counts reductions, ``runs`` completed runs on them, ``failed`` the others;
        deviations are square roots of `variance_components` of the score, ``share`` is what
        reductions have in the variance. No row where no reduction has replicates.
    """
    runs = with_scores(runs_frame(records))
    cells = ["dataset", "size", "learner", "arm"]
    rows = [
        dict(zip(cells, key, strict=True)) | _split(cell)
        for key, cell in runs.groupby(cells, dropna=False)
        if cell["replicate"].any()
    ]
    rows.sort(key=lambda row: arm_rank(row["arm"]))  # stable: within a block, which sorts first
    table = pd.DataFrame(rows, columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)
    return table.sort_values(cells[:3], kind="stable", ignore_index=True)


def variance_components(counts: ArrayLike, means: ArrayLike, squares: ArrayLike) -> FloatArray:
    """Components of variance between and within groups, by one-way random-effects ANOVA.

    With a groups of n_i values y_ij, N = Σ n_i, and ȳ_i and ȳ the mean of a group and of all:
    MSB = Σ n_i (ȳ_i − ȳ)² / (a − 1), MSW = Σ_i Σ_j (y_ij − ȳ_i)² / (N − a),
    n₀ = (N − Σ n_i² / N) / (a − 1). The estimates are max(0, (MSB − MSW) / n₀) between groups and
    MSW within (Searle, Casella and McCulloch, "Variance Components", 1992, chapter 3).

    Args:
        counts: n_i, shape ``(..., a)``.
        means: ȳ_i, shape ``(..., a)``.
        squares: Σ_j (y_ij − ȳ_i)², shape ``(..., a)``.

    Returns:
        Shape ``(2, ...)``: between, within; NaN with fewer than two groups or no group of two.
    """
    n, y, within = (np.asarray(values, dtype=np.float64) for values in (counts, means, squares))
    groups, total = n.shape[-1], n.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        grand = (n * y).sum(-1, keepdims=True) / n.sum(-1, keepdims=True)
        between_square = (n * (y - grand) ** 2).sum(-1) / np.float64(groups - 1)
        within_square = within.sum(-1) / (total - groups)
        typical = (total - (n**2).sum(-1) / total) / np.float64(groups - 1)
        between = np.maximum((between_square - within_square) / typical, 0)
    return np.stack([between, np.where(np.isnan(between), np.nan, within_square)])


def share_between(counts: ArrayLike, means: ArrayLike, squares: ArrayLike) -> FloatArray:
    """Share of `variance_components` that lies between groups; zero where nothing varies."""
    between, within = variance_components(counts, means, squares)
    total = between + within
    share: FloatArray = np.where(total == 0, 0.0, between / np.where(total == 0, 1.0, total))
    return share


def _split(cell: pd.DataFrame) -> dict[str, Any]:
    by_seed = cell.dropna(subset="score").groupby("seed")["score"]
    groups = [
        by_seed.size().to_numpy(),
        by_seed.mean().to_numpy(),
        by_seed.agg(lambda scores: ((scores - scores.mean()) ** 2).sum()).to_numpy(),
    ]
    between, within = variance_components(*groups)
    low, high = paired_interval(share_between, *groups)
    return {
        "seeds": len(groups[0]),
        "runs": int(groups[0].sum()),
        "failed": int((cell["status"] == "failed").sum()),
        "deviation_reduction": float(np.sqrt(between)),
        "deviation_learner": float(np.sqrt(within)),
        "share": float(share_between(*groups)),
        "share_low": float(low),
        "share_high": float(high),
    }
