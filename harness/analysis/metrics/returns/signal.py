"""What of a score is owed to the signal in the data: every arm beside its controls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from harness.analysis.frame import arm_rank, controls_of
from harness.analysis.metrics.base import Table
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.improvement import paired_differences, seed_table
from harness.analysis.statistics import estimate, estimate_over_strata, interquartile_mean
from harness.core.classes.specs import ReducerSpec
from harness.core.records import RunRecord

PLACE = ["dataset", "size", "learner"]
UNEARNED = 0.1  # score that data without signal should not reach; random policy 0
COLUMNS = {
    **shared("dataset", "size", "learner", "arm"),
    "control": TEXT,
    "pairs": Column("int64", count),
    **with_interval("score", hundredths),
    **with_interval("without_signal", hundredths, "without signal", "without signal interval"),
    **with_interval("owed", hundredths, "owed to the signal", "owed interval"),
}
DEFINITIONS = (
    "control: the same arm, learner and seeds on data without signal; constant: no row terminates "
    "and every reward is the mean; permuted: rows exchange reward and termination at random",
    "score, without signal: inter-quartile means over the seeds of the pairs of the normalised "
    "return, (return − random) / (expert − random), of the arm and of its control",
    "owed to the signal: mean over pairs of score of arm − score of control; a method is credited "
    "with no more",
    "interval: 95 % percentile bootstrap over seeds; none for one seed",
)


def compare_signal(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Set every arm beside its controls, in paired seeds.

    Returns:
        One row for each dataset, size, learner, arm and control with the columns of ``COLUMNS``;
        NaN where no seed has both. No row where no control was run.
    """
    records = list(records)
    controls = controls_of(records)
    rows = [
        {**place, **_row(seeds, arm, control)}
        for place, seeds in _blocks(records)
        for arm, control in _pairs(seeds, controls)
    ]
    return tabulate(rows, COLUMNS)


def tell_unearned(records: Sequence[RunRecord]) -> str:
    """Say in one line which controls score although their data hold no signal; empty: no control.

    The return of such an arm, learner and task shows nothing. A control whose arm was not run, or
    failed, counts as well.
    """
    told = list(_told_scores(records))
    if not told:
        return ""
    found = list(dict.fromkeys(text for text, score in told if score > UNEARNED))
    if not found:
        return f"no control without signal scores above {UNEARNED:g}"
    return f"scored without signal, hence no achievement: {', '.join(found)}"


def unearned_sets(records: Sequence[RunRecord]) -> set[tuple[Any, ...]]:
    """Find the dataset, size, learner and arm of which a control scores above ``UNEARNED``.

    The score of such an arm is no achievement there.
    """
    controls = controls_of(records)
    return {
        (*place.values(), arm)
        for place, seeds in _blocks(records)
        for arm, control in _pairs(seeds, controls)
        if _shared_score(seeds, arm, control) > UNEARNED
    }


def _shared_score(seeds: pd.DataFrame, arm: str, control: ReducerSpec) -> float:
    """Score of a control in the seeds that it shares with its arm; NaN if there are none."""
    return float(interquartile_mean(seeds[[arm, control.label]].dropna()[control.label].to_numpy()))


def without_controls(records: Iterable[RunRecord]) -> list[RunRecord]:
    """List the records that figures show: controls, unless alone, stand in their own table."""
    listed = list(records)
    return [record for record in listed if record.spec.reducer.control is None] or listed


def remarked(caption: str, records: Sequence[RunRecord]) -> str:
    """Caption a figure, with what its controls say."""
    remark = tell_unearned(records)
    return f"{caption} Controls: {remark}." if remark else caption


def _blocks(records: Sequence[RunRecord]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield each dataset, size and learner with its scores; nothing where no control was run."""
    if all(record.spec.reducer.control is None for record in records):
        return  # to score thousands of records takes a while
    for key, block in scored_seeds(records).groupby(PLACE, dropna=False):
        yield dict(zip(PLACE, key, strict=True)), seed_table(block)


def _pairs(
    seeds: pd.DataFrame, controls: Mapping[str, Sequence[ReducerSpec]]
) -> Iterator[tuple[str, ReducerSpec]]:
    """Yield the arms of a table of scores with each of their controls in it."""
    present = set(map(str, seeds))
    for arm in sorted(present & controls.keys(), key=arm_rank):
        yield from ((arm, control) for control in controls[arm] if control.label in present)


def _row(seeds: pd.DataFrame, arm: str, control: ReducerSpec) -> dict[str, Any]:
    both = seeds[[arm, control.label]].dropna()
    return {
        "arm": arm,
        "control": control.control,
        "pairs": len(both),
        **estimate("score", [both[arm].to_numpy()]),
        **estimate("without_signal", [both[control.label].to_numpy()]),
        **estimate_over_strata("owed", [paired_differences(both, arm, control.label)]),
    }


def _told_scores(records: Sequence[RunRecord]) -> Iterator[tuple[str, float]]:
    """Yield each control in words with its score, in the seeds that it shares with its arm.

    One that shares none is named by its own label, with its score in all of its seeds.
    """
    specs = {record.spec.reducer.label: record.spec.reducer for record in records}
    whole = {record.spec.reducer.label for record in records if record.spec.size is None}
    controls = controls_of(records)
    for place, seeds in _blocks(records):
        alone = {label for label in map(str, seeds) if specs[label].control is not None}
        for arm, control in _pairs(seeds, controls):
            shared = seeds[[arm, control.label]].dropna()[control.label]
            if len(shared):
                alone.discard(control.label)
                yield _told(place, arm, control, shared, whole)
        for label in sorted(alone):
            if len(own := seeds[label].dropna()):
                yield _told(place, label, specs[label], own, whole)


def _told(
    place: Mapping[str, Any],
    arm: str,
    control: ReducerSpec,
    scores: pd.Series,
    whole: Collection[str],
) -> tuple[str, float]:
    """Name a control; arms of all rows stand beside every size, and are named without one."""
    score = float(interquartile_mean(scores.to_numpy()))
    size = "" if arm in whole else f" at {place['size']}"
    where = f"{arm} under {place['learner']}{size} on {place['dataset']}"
    return f"{where} {score:.2f} ({control.control})", score


SIGNAL = Table(
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_signal,
    remarks=tell_unearned,
    tells_protocol=True,
)
