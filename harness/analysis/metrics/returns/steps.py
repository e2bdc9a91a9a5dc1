"""How many gradient steps an arm needs to come close to what training on all data gives."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

import pandas as pd

from harness.analysis.frame import (
    average_replicates,
    beside_every_size,
    curves_frame,
    shared_checkpoints,
)
from harness.analysis.statistics import interquartile_mean
from harness.core.records import RunRecord

SHARE = 0.9  # of what full gains over the random policy


def curves_by_arm(records: Iterable[RunRecord]) -> dict[tuple[Hashable, ...], pd.Series]:
    """Inter-quartile mean return over seeds against steps, for dataset, size, learner and arm.

    The checkpoints are those that all seeds share.
    """
    curves = beside_every_size(average_replicates(curves_frame(records)))
    return {
        key: _mean_curve(group)
        for key, group in curves.groupby(["dataset", "size", "learner", "arm"])
    }


def steps_to(curve: pd.Series, level: float) -> float:
    """Step of the first checkpoint from which on a curve stays at a level or above.

    Returns:
        Infinity if its last checkpoint is below; NaN if it has but one, which tells no speed.
    """
    if len(curve) < 2:
        return math.nan
    below = curve.index[curve < level]
    later = curve.index[curve.index > below[-1]] if len(below) else curve.index
    return float(later[0]) if len(later) else math.inf


def level_of(full: pd.Series, floor: float) -> float:
    """Return with ``SHARE`` of what full gains over the floor, by its last three checkpoints."""
    return floor + SHARE * (float(full.iloc[-3:].mean()) - floor)


def _mean_curve(curves: pd.DataFrame) -> pd.Series:
    shared = shared_checkpoints(curves)
    return pd.Series(interquartile_mean(shared.to_numpy()), index=shared.index)
