"""Returns of the arms side by side: for each dataset, size and learner, and over all datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.columns import Column, hundredths, shared, tabulate, tenths, with_interval
from harness.analysis.frame import FULL, arm_rank, average_replicates, beside_every_size, runs_frame
from harness.analysis.statistics import estimate
from harness.core.records import RunRecord

ALL_DATASETS = "all datasets"
COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "rows", "seeds", "failed"),
    **with_interval("return", tenths),
    **with_interval("score", hundredths),
    "retention": Column("float64", hundredths),
    **shared("seconds_reduction", "seconds_training"),
}
DEFINITIONS = (
    "return: inter-quartile mean over seeds of each run's mean of the last three checkpoints",
    "interval: 95 % percentile bootstrap over seeds, stratified by dataset; none for one seed",
    "score: normalised to 0..1, (return − random) / (expert − random); over all datasets none "
    "where they differ in completed runs",
    "retention: (return − random) / (return of full − random), same learner; over all datasets "
    "score / score of full; none where the interval of full reaches down to random",
    "full repeated beside every size",
    "seconds: medians of wall time, which differ between machines",
)


def compare_returns(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms of every dataset, size and learner, and of all datasets together.

    The arm ``full`` is repeated beside every size. Failed runs are counted and never averaged.
    Over all datasets only the score is a common measure; an arm that has not as many completed
    runs on each of them has no score there, which would weigh datasets by their failures.

    Returns:
        One row an arm with the columns of ``COLUMNS``: ``rows`` is the median number of
        transitions trained on, ``seeds`` and ``failed`` count runs (``seeds`` distinct ones),
        ``return`` is the inter-quartile mean over seeds of the headline return, ``score`` the
        same of the return normalised to 0..1 by the dataset's references, each with a 95 %
        interval from ``_low`` to ``_high``; ``retention`` is the gain over the random policy
        as a share of the gain of ``full`` with the same learner, NaN unless ``full`` gains;
        seconds are medians.
    """
    runs = scored_seeds(records)
    datasets = sorted(runs["dataset"].unique())
    rows = [
        row
        for (_, size, learner), block in runs.groupby(["dataset", "size", "learner"], dropna=False)
        for row in _block_rows(block, block["dataset"].unique().tolist())
    ]
    if len(datasets) > 1:
        for _, block in runs.groupby(["size", "learner"], dropna=False):
            rows += _block_rows(block, datasets)
    return tabulate(rows, COLUMNS)


def scored_seeds(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Tabulate the seeds that every comparison of returns rests on.

    Returns:
        What `scored_runs` returns, ``full`` repeated beside every size.
    """
    return beside_every_size(scored_runs(records))


def scored_runs(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Tabulate the seeds of each arm as they were run.

    Returns:
        What `runs_frame` returns with replicates averaged and ``score``, the headline return
        normalised to 0..1 by the dataset's references; NaN for a failed run and where the
        references span nothing.
    """
    return average_replicates(with_scores(runs_frame(records)))


def drawn_returns(records: Sequence[RunRecord]) -> tuple[pd.DataFrame, pd.Series]:
    """Tabulate the headline returns that can be drawn, and the random policy's by dataset."""
    table = compare_returns(records)
    floors = runs_frame(records).groupby("dataset")["reference_min"].median()
    return table[(table["dataset"] != ALL_DATASETS) & table["return"].notna()], floors


def with_scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Add to every run its ``score``, (return − random) / (expert − random)."""
    span = runs["reference_max"] - runs["reference_min"]
    scores = (runs["headline"] - runs["reference_min"]) / span.where(span > 0)
    return runs.assign(score=scores)


def _block_rows(block: pd.DataFrame, datasets: Sequence[str]) -> list[dict[str, Any]]:
    arms = sorted(block["arm"].unique(), key=arm_rank)
    rows = [_arm_row(block[block["arm"] == arm], datasets) for arm in arms]
    single = len(datasets) == 1
    floor = float(block["reference_min"].median()) if single else 0.0
    column = "return" if single else "score"
    gains = {row["arm"]: row[column] - floor for row in rows}
    reference = gains.get(FULL, np.nan)
    least = min((row[f"{column}_low"] for row in rows if row["arm"] == FULL), default=np.nan)
    known = reference > 0 and not least <= floor  # one seed has no interval
    for row in rows:
        row["retention"] = gains[row["arm"]] / reference if known else np.nan
    return rows


def _arm_row(runs: pd.DataFrame, datasets: Sequence[str]) -> dict[str, Any]:
    done = runs[runs["status"] == "completed"]
    first = runs.iloc[0]
    single = len(datasets) == 1
    return {
        "dataset": datasets[0] if single else ALL_DATASETS,
        "size": first["size"],
        "learner": first["learner"],
        "arm": first["arm"],
        "rows": round(done["rows"].median()) if len(done) else pd.NA,
        "seeds": done["seed"].nunique(),
        "failed": len(runs) - len(done),
        **estimate("return", _strata(done, "headline", datasets if single else ())),
        **estimate("score", _balanced(_strata(done, "score", datasets))),
        "seconds_reduction": done["seconds_reduction"].median(),
        "seconds_training": done["seconds_training"].median(),
    }


def _strata(runs: pd.DataFrame, column: str, datasets: Sequence[str]) -> list[np.ndarray]:
    return [runs.loc[runs["dataset"] == dataset, column].to_numpy() for dataset in datasets]


def _balanced(strata: list[np.ndarray]) -> list[np.ndarray]:
    """The strata if they are of one length, else none."""
    return strata if len(set(map(len, strata))) == 1 else []
