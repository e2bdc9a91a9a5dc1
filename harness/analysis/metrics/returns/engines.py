"""What the engine makes of a score: learners that differ in nothing else, in paired seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from harness.analysis.columns import (
    TEXT,
    Column,
    count,
    hundredths,
    shared,
    tabulate,
    with_interval,
)
from harness.analysis.frame import arm_rank
from harness.analysis.metrics.base import Table
from harness.analysis.metrics.returns.comparison import ALL_DATASETS, scored_seeds
from harness.analysis.metrics.returns.improvement import paired_estimates
from harness.core.records import RunRecord

REFERENCE = "d3rlpy"
COLUMNS = {
    **shared("dataset", "size", "learner", "arm"),
    "engine": TEXT,
    "pairs": Column("int64", count),
    **with_interval("reference", hundredths, "score by d3rlpy", "interval by d3rlpy"),
    **with_interval("score", hundredths),
    **with_interval("difference", hundredths),
}
DEFINITIONS = (
    "learner: its label under d3rlpy; both engines start it from the same weights and give it the "
    "same mini-batches",
    "score: inter-quartile mean over the seeds of the pairs of the normalised return, "
    "(return − random) / (expert − random)",
    "difference: mean over pairs of score − score by d3rlpy; over all datasets each counts alike",
    "interval: 95 % percentile bootstrap over seeds, stratified by dataset; none for one seed",
)


def compare_engines(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Set learners beside themselves as d3rlpy trains them.

    Returns:
        One row for each dataset (and all of them), size, learner, arm and other engine, with the
        columns of ``COLUMNS``. No row where no learner was trained by both.
    """
    records = list(records)
    if len({record.spec.engine for record in records}) < 2:
        return tabulate([], COLUMNS)  # to score thousands of records takes a while
    twins = sorted(_twins(records))
    scores = scored_seeds(records)
    rows = [
        row
        for learner, other, engine in twins
        for block in _blocks(scores[scores["learner"].isin([learner, other])])
        for row in _rows(block, learner, other, engine)
    ]
    return tabulate(rows, COLUMNS)


def _twins(records: Iterable[RunRecord]) -> set[tuple[str, str, str]]:
    """Labels of each learner under d3rlpy and under another engine, and that engine."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for spec in (record.spec for record in records):
        made_of = spec.dataset, spec.learner.model_dump_json(exclude={"label"})
        found.setdefault(made_of, {})[spec.engine] = spec.learner.label
    return {
        (engines[REFERENCE], label, engine)
        for engines in found.values()
        for engine, label in engines.items()
        if engine != REFERENCE and REFERENCE in engines
    }


def _blocks(scores: pd.DataFrame) -> Iterator[list[pd.DataFrame]]:
    """Yield the scores of each size and arm, by dataset and then in the datasets' order."""
    datasets = sorted(scores["dataset"].unique())
    for dataset in datasets:
        for _, block in _by_arm(scores[scores["dataset"] == dataset]):
            yield [block]
    if len(datasets) > 1:
        for _, block in _by_arm(scores):
            yield [block[block["dataset"] == dataset] for dataset in datasets]


def _by_arm(scores: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    groups = scores.groupby(["size", "arm"], dropna=False)
    return sorted(groups, key=lambda group: (group[0][0], arm_rank(group[0][1])))


def _rows(
    blocks: Sequence[pd.DataFrame], learner: str, other: str, engine: str
) -> Iterator[dict[str, Any]]:
    tables = [
        block.pivot_table(index="seed", columns="learner", values="score") for block in blocks
    ]
    estimates = paired_estimates(tables, other, learner)
    if estimates["pairs"]:
        first = blocks[0].iloc[0]
        yield {
            "dataset": first["dataset"] if len(blocks) == 1 else ALL_DATASETS,
            "size": first["size"],
            "learner": learner,
            "arm": first["arm"],
            "engine": engine,
            **estimates,
        }


ENGINES = Table(
    columns=COLUMNS, definitions=DEFINITIONS, compare=compare_engines, tells_protocol=True
)
