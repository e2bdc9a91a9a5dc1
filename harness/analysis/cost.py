"""What a reduction costs and saves: seconds, bytes, and the trainings that pay for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.frame import FULL, arm_rank
from harness.analysis.returns import scored_seeds
from harness.analysis.statistics import estimate
from harness.records import RunRecord

COLUMN_TYPES = {
    "dataset": "str",
    "size": "Int64",
    "learner": "str",
    "arm": "str",
    "seeds": "int64",
    "bytes": "float64",
    "dataset_bytes": "float64",
    "bytes_ratio": "float64",
    "seconds_reduction": "float64",
    "seconds_training": "float64",
    "seconds_full": "float64",
    "seconds_saved": "float64",
    "seconds_saved_low": "float64",
    "seconds_saved_high": "float64",
    "break_even": "float64",
}
DEFINITIONS = (
    "seconds and bytes: medians over seeds; seconds are wall time, which differs between machines",
    "saved: inter-quartile mean over paired seeds of seconds to train on full − seconds to train "
    "on the set, same learner, with its 95 % percentile bootstrap interval",
    "break-even: the trainings that pay for one reduction, seconds to reduce / seconds saved a "
    "training; never where training on the set is not known to be faster, as the interval of what "
    "it saves does not lie above 0: a learner of a fixed number of gradient steps takes "
    "about as long on any number of rows",
)


def compare_cost(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Set what a reduction costs beside what it saves each training.

    Returns:
        One row for each dataset, size, learner and arm but ``full``, with the columns of
        ``COLUMN_TYPES``: ``seeds`` counts those that have both the arm and ``full``, bytes are of
        the set and of the full data, ``seconds_saved`` is the inter-quartile mean over paired
        seeds with its 95 % interval, ``break_even`` is in trainings, infinite where none is known
        to be saved; NaN where no seed has both. No row where ``full`` or the arm has no completed
        run.
    """
    runs = scored_seeds(records)
    runs = runs[runs["size"].notna() & (runs["status"] == "completed")]
    rows = []
    for _, block in runs.groupby(["dataset", "size", "learner"]):
        full = block[block["arm"] == FULL].set_index("seed")["seconds_training"]
        arms = sorted(set(block["arm"]) - {FULL}, key=arm_rank) if len(full) else []
        rows += [_row(block[block["arm"] == arm], full) for arm in arms]
    return pd.DataFrame(rows, columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)


def break_even(reduction: float, saved: float, saved_low: float) -> float:
    """How many trainings pay for one reduction; infinite where none is known to be saved.

    Args:
        reduction: Seconds to reduce.
        saved: Seconds that a training on the set saves.
        saved_low: Lower end of its interval; NaN if unknown, as with one seed.
    """
    if math.isnan(saved):
        return math.nan
    known = saved if math.isnan(saved_low) else min(saved, saved_low)
    return reduction / saved if known > 0 else math.inf


def _row(runs: pd.DataFrame, full: pd.Series) -> dict[str, Any]:
    first = runs.iloc[0]
    saved = (full - runs.set_index("seed")["seconds_training"]).dropna()
    done = runs[runs["seed"].isin(saved.index)]
    found = estimate("seconds_saved", [saved.to_numpy()])
    kept, whole = (done[name].astype("float64").median() for name in ("bytes", "dataset_bytes"))
    reduction = done["seconds_reduction"].median()
    return {
        **{key: first[key] for key in ("dataset", "size", "learner", "arm")},
        "seeds": len(saved),
        "bytes": kept,
        "dataset_bytes": whole,
        "bytes_ratio": whole / kept,
        "seconds_reduction": reduction,
        "seconds_training": done["seconds_training"].median(),
        "seconds_full": full[saved.index].median(),
        **found,
        "break_even": break_even(reduction, found["seconds_saved"], found["seconds_saved_low"]),
    }
