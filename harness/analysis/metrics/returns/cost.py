"""What a reduction costs and saves: seconds, bytes, and the trainings that pay for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.analysis.columns import (
    Column,
    number_or_never,
    seconds,
    shared,
    tabulate,
    thousandths,
    trainings,
    whole,
    with_interval,
)
from harness.analysis.frame import FULL, arm_rank
from harness.analysis.metrics.base import Table
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.steps import curves_by_arm, level_of, steps_to
from harness.core.records import RunRecord

COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "seeds"),
    "bytes": Column("float64", whole),
    "dataset_bytes": Column("float64", whole, "bytes of full"),
    "bytes_ratio": Column("float64", whole, "ratio"),
    **shared("seconds_reduction", "seconds_training"),
    "seconds_full": Column("float64", seconds, "training on full (s)"),
    **with_interval("seconds_saved", thousandths, "saved (s)", "saved range"),
    "break_even": Column("float64", trainings, "break-even (trainings)"),
    "steps": Column("float64", number_or_never),
    "steps_full": Column("float64", number_or_never, "steps on full"),
}
DEFINITIONS = (
    "seconds: the least wall time over seeds, since whatever else a machine does only adds to it; "
    "it differs between machines",
    "saved: least seconds to train on full − least seconds to train on the set, same learner and "
    "seeds; its range: from least on full − median on the set to median on full − least on the set",
    "break-even: the trainings that pay for one reduction, seconds to reduce / seconds saved a "
    "training; never where the range of what is saved ends at 0 or below, a dash where it holds 0: "
    "a learner of a fixed number of gradient steps takes about as long on any number of rows",
    "steps: gradient steps from which on the inter-quartile mean return over seeds has 90 % of "
    "what full gains over the random policy by its last three checkpoints, as far as checkpoints "
    "tell; never if it ends below",
)


def compare_cost(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Set what a reduction costs beside what it saves each training.

    Returns:
        One row for each dataset, size, learner and arm but ``full``, with the columns of
        ``COLUMNS``: ``seeds`` counts those that have both the arm and ``full``, bytes are of
        the set and of the full data, seconds are the least over those seeds, ``seconds_saved``
        is a difference of two of them with its range, ``break_even`` is that of `break_even`;
        ``steps`` and ``steps_full`` say from which checkpoint on the arm and full are near what
        full ends at; NaN where no seed has both. No row where ``full`` or the arm has no completed
        run.
    """
    records = list(records)
    curves, runs = curves_by_arm(records), scored_seeds(records)
    runs = runs[runs["size"].notna() & (runs["status"] == "completed")]
    rows = []
    for key, block in runs.groupby(["dataset", "size", "learner"]):
        full = block[block["arm"] == FULL].set_index("seed")["seconds_training"]
        arms = sorted(set(block["arm"]) - {FULL}, key=arm_rank) if len(full) else []
        floor = float(block["reference_min"].median())
        for arm in arms:
            speed = _steps(curves[*key, arm], curves[*key, FULL], floor)
            rows.append(_row(block[block["arm"] == arm], full) | speed)
    return tabulate(rows, COLUMNS)


def break_even(reduction: float, saved: float, low: float, high: float) -> float:
    """How many trainings pay for one reduction.

    Args:
        reduction: Seconds to reduce.
        saved: Seconds that a training on the set saves.
        low: Lower end of its range; NaN if unknown, as with one seed.
        high: Upper end.

    Returns:
        Trainings; infinite where none saves any, NaN where it is not known whether one does.
    """
    if high <= 0:
        return math.inf
    return reduction / saved if low > 0 else math.nan


def _row(runs: pd.DataFrame, full: pd.Series) -> dict[str, Any]:
    first = runs.iloc[0]
    done = runs[runs["seed"].isin(full.index)].set_index("seed")
    training, whole = done["seconds_training"], full[done.index]
    saved = float(whole.min() - training.min())
    low, high = _saved_range(whole, training)
    kept, all_bytes = (done[name].astype("float64").median() for name in ("bytes", "dataset_bytes"))
    reduction = done["seconds_reduction"].min()
    return {
        **{key: first[key] for key in ("dataset", "size", "learner", "arm")},
        "seeds": len(done),
        "bytes": kept,
        "dataset_bytes": all_bytes,
        "bytes_ratio": all_bytes / kept,
        "seconds_reduction": reduction,
        "seconds_training": training.min(),
        "seconds_full": whole.min(),
        "seconds_saved": saved,
        "seconds_saved_low": low,
        "seconds_saved_high": high,
        "break_even": break_even(reduction, saved, low, high),
    }


def _steps(curve: pd.Series, full: pd.Series, floor: float) -> dict[str, float]:
    """Gradient steps of an arm and of full; none where full gains nothing."""
    level = level_of(full, floor)
    if not level > floor:
        return {"steps": math.nan, "steps_full": math.nan}
    return {"steps": steps_to(curve, level), "steps_full": steps_to(full, level)}


def _saved_range(full: pd.Series, training: pd.Series) -> tuple[float, float]:
    """What is saved at the least and at the most, if a machine was busy for some seeds."""
    if len(training) < 2:
        return math.nan, math.nan
    return full.min() - training.median(), full.median() - training.min()


COST = Table(
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_cost,
    tells_protocol=True,
)
