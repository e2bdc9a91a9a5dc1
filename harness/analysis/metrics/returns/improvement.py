"""How surely an arm improves on the subsets that cost nothing: paired seeds, arm against arm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.columns import Column, count, hundredths, shared, tabulate, with_interval
from harness.analysis.frame import arm_rank
from harness.analysis.metrics.base import Table
from harness.analysis.metrics.returns.comparison import ALL_DATASETS, scored_seeds
from harness.analysis.statistics import FloatArray, estimate, estimate_over_strata
from harness.core.records import RunRecord

BASELINES = ("random", "stratified")
COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "versus"),
    **dict.fromkeys(("pairs", "unpaired"), Column("int64", count)),
    **with_interval("probability", hundredths, "P(improvement)", "P interval"),
    **with_interval("difference", hundredths),
}
DEFINITIONS = (
    "a seed of a dataset is a pair: both arms share the learner's initial network, the random "
    "numbers that draw its mini-batches and the evaluation episodes; seeds that lack one of the "
    "two arms, by failed or missing runs, are unpaired and left out",
    "P(improvement): mean over seeds of [score of arm > score of versus] + ½ [equal], as Agarwal "
    "et al. 2021, section 4.3, but within pairs",
    "difference: mean over seeds of score of arm − score of versus",
    "score: normalised to 0..1, (return − random) / (expert − random), of each run's mean of the "
    "last three checkpoints",
    "interval: 95 % percentile bootstrap over seeds, stratified by dataset; none for one seed; of "
    "no width where every seed says the same, which few seeds can do by chance",
    "over all datasets each dataset counts alike",
)


def compare_improvement(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare every arm with ``random`` and with ``stratified`` in paired seeds.

    The probability of improvement is that of Agarwal et al. 2021, "Deep Reinforcement Learning at
    the Edge of the Statistical Precipice", section 4.3, with one difference: they compare all
    pairs of independent runs, and here a run is compared with the one of its own seed.

    Returns:
        One row for each dataset (and all of them), size, learner, arm and baseline, with the
        columns of ``COLUMNS``: ``pairs`` counts those of completed runs and
        ``unpaired`` the seeds without one, ``probability`` is
        the mean over seeds of [x > y] + ½ [x = y], ``difference`` that of x − y, each with a 95 %
        interval; NaN where a dataset has no pair. No row where no baseline was run.
    """
    scores = scored_seeds(records)
    datasets = sorted(scores["dataset"].unique())
    blocks = ["dataset", "size", "learner"]
    rows = [
        row
        for (dataset, size, learner), block in scores.groupby(blocks, dropna=False)
        for row in _rows(str(dataset), size, str(learner), [seed_table(block)])
    ]
    if len(datasets) > 1:
        for (size, learner), block in scores.groupby(blocks[1:], dropna=False):
            tables = [seed_table(block[block["dataset"] == dataset]) for dataset in datasets]
            rows += _rows(ALL_DATASETS, size, str(learner), tables)
    return tabulate(rows, COLUMNS)


def seed_table(seeds: pd.DataFrame) -> pd.DataFrame:
    """Scores of one dataset, size and learner: a row a seed, a column an arm; NaN if it failed."""
    return seeds.pivot_table(
        index="seed", columns="arm", values="score", aggfunc="mean", dropna=False
    )


def paired_differences(table: pd.DataFrame, arm: str, versus: str) -> FloatArray:
    """Score of one arm minus that of another, ``(seeds,)``, in the seeds that have both."""
    both = table.reindex(columns=[arm, versus])
    differences: FloatArray = (both[arm] - both[versus]).dropna().to_numpy(dtype=np.float64)
    return differences


def paired_estimates(tables: Sequence[pd.DataFrame], one: str, other: str) -> dict[str, float]:
    """Estimate what two columns hold in the seeds that have both, and their difference.

    Args:
        tables: One a dataset, a row a seed.
        one: The column whose inter-quartile mean is ``score``.
        other: The column whose inter-quartile mean is ``reference``.

    Returns:
        ``pairs``, and ``reference``, ``score`` and ``difference`` (the mean over pairs of one −
        other, each table alike) with the ends of their intervals.
    """
    pairs = [table.reindex(columns=[one, other]).dropna() for table in tables]
    return {
        "pairs": sum(map(len, pairs)),
        **estimate("reference", [pair[other].to_numpy() for pair in pairs]),
        **estimate("score", [pair[one].to_numpy() for pair in pairs]),
        **estimate_over_strata(
            "difference", [paired_differences(pair, one, other) for pair in pairs]
        ),
    }


def wins(differences: FloatArray) -> FloatArray:
    """One where the first of a pair is larger, a half where both are equal, else zero."""
    return (np.sign(differences) + 1) / 2


def _rows(
    dataset: str, size: Any, learner: str, tables: Sequence[pd.DataFrame]
) -> Iterator[dict[str, Any]]:
    arms = sorted({str(arm) for table in tables for arm in table}, key=arm_rank)
    for versus in (baseline for baseline in BASELINES if baseline in arms):
        for arm in (other for other in arms if other != versus):
            pairs = [paired_differences(table, arm, versus) for table in tables]
            yield {
                "dataset": dataset,
                "size": size,
                "learner": learner,
                "arm": arm,
                "versus": versus,
                "pairs": sum(map(len, pairs)),
                "unpaired": sum(map(len, tables)) - sum(map(len, pairs)),
                **estimate_over_strata("probability", [wins(pair) for pair in pairs]),
                **estimate_over_strata("difference", pairs),
            }


IMPROVEMENT = Table(
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_improvement,
    tells_protocol=True,
)
