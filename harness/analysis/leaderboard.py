"""Arms ranked by what they keep of the return of full data, beside their controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.captions import provenance
from harness.analysis.columns import (
    TEXT,
    Column,
    count,
    hundredths,
    shared,
    tabulate,
    with_interval,
)
from harness.analysis.folders import Folders
from harness.analysis.frame import FULL, controls_of
from harness.analysis.metrics.base import RETURN, checked
from harness.analysis.metrics.returns.comparison import (
    ALL_DATASETS,
    compare_returns,
    scored_seeds,
)
from harness.analysis.statistics import FloatArray, interquartile_mean, paired_interval
from harness.analysis.tables import Captioned
from harness.core.records import RunRecord

COLUMNS = {
    "results": TEXT,
    **shared("learner", "size"),
    "rank": Column("int64", count),
    **shared("arm", "seeds"),
    **with_interval("retention", hundredths),
    "score": Column("float64", hundredths),
    "without_signal": Column("float64", hundredths, "without signal"),
}
DEFINITIONS = (
    "retention: score / score of full, same learner, over all datasets of a results folder; no "
    "rank without, as where runs are missing or the interval of full reaches down to random",
    "interval: 95 % percentile bootstrap over the seeds that both have; none for one seed",
    "score: inter-quartile mean over seeds of the return normalised to 0..1, "
    "(return − random) / (expert − random)",
    "without signal: the highest score of the arm's controls, which train on data without signal; "
    "an arm is credited with no more than what it scores above that",
)


def rank_arms(folders: Folders) -> Captioned:
    """Rank the arms of each results folder, learner and size.

    Raises:
        InputError: If a folder has no completed run, or did not measure returns.
    """
    rows = [
        {"results": name, **row}
        for name, records in folders.items()
        for row in _ranked(checked(records, RETURN))
    ]
    told = [f"{name}: {provenance(records)}" for name, records in folders.items()]
    return Captioned(tabulate(rows, COLUMNS), COLUMNS, "; ".join([*told, *DEFINITIONS]) + ".")


def _ranked(records: Sequence[RunRecord]) -> Iterator[dict[str, Any]]:
    table = compare_returns(records)
    if (table["dataset"] == ALL_DATASETS).any():
        table = table[table["dataset"] == ALL_DATASETS]
    controls = controls_of(records)
    without = {spec.label for specs in controls.values() for spec in specs}
    seeds = scored_seeds(records)
    for (learner, size), block in table.groupby(["learner", "size"]):
        scores = block.set_index("arm")["score"]
        named = block[block["retention"].notna() & ~block["arm"].isin(without)]
        ranked = named.sort_values("retention", ascending=False, kind="stable")
        ranked = ranked[["arm", "seeds", "retention", "score"]]
        here = seeds[(seeds["learner"] == learner) & (seeds["size"] == size)]
        for rank, values in enumerate(ranked.itertuples(index=False), 1):
            row = dict(zip(map(str, ranked), values, strict=True))
            low, high = _retention_interval(here, row["arm"])
            own = [spec.label for spec in controls.get(row["arm"], ())]
            yield {
                **{"learner": learner, "size": size, "rank": rank},
                **row,
                **{"retention_low": low, "retention_high": high},
                "without_signal": scores.reindex(own).max(),
            }


def _retention_interval(seeds: pd.DataFrame, arm: str) -> tuple[float, float]:
    """Interval of the retention of one learner and size, of seeds drawn with all their datasets."""
    ours, full = (
        seeds[seeds["arm"] == name].pivot_table("score", index="seed", columns="dataset")
        for name in (arm, FULL)
    )
    both = pd.concat([ours, full], axis="columns", keys=["kept", "whole"], join="inner").dropna()
    datasets = len(ours.columns)

    def retention(*samples: FloatArray) -> FloatArray:
        kept, whole = (
            interquartile_mean(np.concatenate(part, axis=-1))
            for part in (samples[:datasets], samples[datasets:])
        )
        return kept / whole

    low, high = paired_interval(retention, *both.to_numpy().T)
    return float(low), float(high)
