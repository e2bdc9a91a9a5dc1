"""Where the spread over runs comes from: the reduction's seed or the learner's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from harness.analysis.columns import (
    Column,
    count,
    hundredths,
    shared,
    tabulate,
    thousandths,
    with_interval,
)
from harness.analysis.frame import arm_rank, runs_frame
from harness.analysis.metrics.base import Table
from harness.analysis.metrics.returns.comparison import with_scores
from harness.analysis.statistics import CONFIDENCE
from harness.core.records import RunRecord

COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "seeds"),
    "runs": Column("int64", count),
    **shared("failed"),
    "deviation_reduction": Column("float64", thousandths, "deviation by reduction"),
    "deviation_learner": Column("float64", thousandths, "deviation by learner"),
    **with_interval("share", hundredths, "share of reduction", "share interval"),
}
DEFINITIONS = (
    "every reduction is trained on with several learner seeds, which share its evaluation episodes",
    "standard deviations of the score, normalised to 0..1, between reduction seeds and between "
    "learner seeds on one reduction: one-way random-effects analysis of variance",
    "share: variance between reductions / (variance between + variance within)",
    "an estimate of the variance between reductions can be negative and is then reported as 0",
    "full has one reduction, so that its variance between seeds estimates 0 but for the episodes",
    "interval: 95 %, from the F distribution of the ratio of mean squares, exact for normal scores "
    "and as many learner seeds on every reduction",
)


def compare_variance(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Split the variance of the score by the seed that it comes from.

    Returns:
        One row for each dataset, size, learner and arm with the columns of ``COLUMNS``:
        ``seeds`` counts reductions, ``runs`` completed runs on them, ``failed`` the others;
        deviations are square roots of `MeanSquares.components` of the score, ``share`` is what
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
    table = tabulate(rows, COLUMNS)
    return table.sort_values(cells[:3], kind="stable", ignore_index=True)


@dataclass(frozen=True)
class MeanSquares:
    """One-way analysis of variance of groups of n_i values y_ij, N = Σ n_i.

    ``between`` = Σ n_i (ȳ_i − ȳ)² / (a − 1) and ``within`` = Σ_i Σ_j (y_ij − ȳ_i)² / (N − a),
    ``typical`` = n₀ = (N − Σ n_i² / N) / (a − 1) (Searle, Casella and McCulloch, "Variance
    Components", 1992, chapter 3). NaN with fewer than two groups or no group of two.
    """

    groups: int
    values: int
    between: float
    within: float
    typical: float

    @classmethod
    def of(cls, groups: Sequence[ArrayLike]) -> Self:
        """Take the mean squares of groups, each of shape ``(n_i,)``, none of them empty."""
        arrays = [np.asarray(group, dtype=np.float64) for group in groups]
        counts = np.array([len(array) for array in arrays])
        count, total = len(arrays), int(counts.sum())
        if count < 2 or total == count:
            return cls(count, total, math.nan, math.nan, math.nan)
        means = np.array([array.mean() for array in arrays])
        grand = counts @ means / total
        squares = sum(((array - array.mean()) ** 2).sum() for array in arrays)
        between = counts @ (means - grand) ** 2 / (count - 1)
        typical = (total - (counts**2).sum() / total) / (count - 1)
        return cls(count, total, float(between), float(squares / (total - count)), float(typical))

    @property
    def components(self) -> tuple[float, float]:
        """Variance between groups, max(0, (MSB − MSW) / n₀), and within them, MSW."""
        between = (self.between - self.within) / self.typical
        return float(np.maximum(between, 0.0)), self.within  # which lets NaN pass

    @property
    def share(self) -> float:
        """Share of the variance that lies between groups; zero where nothing varies."""
        between, within = self.components
        return between / (between + within) if between + within != 0 else 0.0

    @property
    def share_interval(self) -> tuple[float, float]:
        """95 % interval of the share, ``(low, high)``, from F = MSB / MSW."""
        if not self.between + self.within > 0:
            return self.share, self.share  # zero, or NaN
        degrees = self.groups - 1, self.values - self.groups
        tail = (1 - CONFIDENCE) / 2
        quantiles = stats.f.ppf([1 - tail, tail], *degrees)
        low, high = (self._share_at(float(quantile)) for quantile in quantiles)
        return low, high

    def _share_at(self, quantile: float) -> float:
        """X / (1 + x) for x = max(0, (F / quantile − 1) / n₀), without dividing by MSW."""
        between = max(0.0, self.between / quantile - self.within)
        return between / (between + self.typical * self.within)


def _split(cell: pd.DataFrame) -> dict[str, Any]:
    done = cell.dropna(subset="score")
    groups = [group["score"].to_numpy() for _, group in done.groupby("seed")]
    found = MeanSquares.of(groups)
    between, within = found.components
    low, high = found.share_interval
    return {
        "seeds": found.groups,
        "runs": found.values,
        "failed": int((cell["status"] == "failed").sum()),
        "deviation_reduction": math.sqrt(between),
        "deviation_learner": math.sqrt(within),
        "share": found.share,
        "share_low": low,
        "share_high": high,
    }


VARIANCE = Table(
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_variance,
    tells_protocol=True,
)
