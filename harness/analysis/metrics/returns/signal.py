"""What of a score is owed to the signal in the data: every arm beside its controls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import product
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
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.improvement import paired_differences, seed_table
from harness.analysis.statistics import estimate, estimate_over_strata
from harness.core.classes.specs import ReducerSpec
from harness.core.records import RunRecord

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
    controls = _controls(records)
    blocks = scored_seeds(records).groupby(["dataset", "size", "learner"], dropna=False)
    rows = [
        {"dataset": dataset, "size": size, "learner": learner, **row}
        for (dataset, size, learner), block in blocks
        for row in _rows(seed_table(block), controls)
    ]
    return tabulate(rows, COLUMNS)


def tell_unearned(records: Sequence[RunRecord]) -> str:
    """Say in one line which controls score although their data hold no signal; empty: no control.

    The return of such an arm, learner and task shows nothing. A control whose arm was not run, or
    failed, counts as well.
    """
    table = pd.concat([compare_signal(records), _alone(records)], ignore_index=True)
    table = table.dropna(subset=["without_signal"])
    if table.empty:
        return ""
    found = table[table["without_signal"] > UNEARNED]
    if found.empty:
        return f"no control without signal scores above {UNEARNED:g}"
    told = ", ".join(dict.fromkeys(_told(row, _whole(records)) for _, row in found.iterrows()))
    return f"scored without signal, hence no achievement: {told}"


def without_controls(records: Iterable[RunRecord]) -> list[RunRecord]:
    """List the records that figures show: controls, unless alone, stand in their own table."""
    listed = list(records)
    return [record for record in listed if record.spec.reducer.control is None] or listed


def remarked(caption: str, records: Sequence[RunRecord]) -> str:
    """Caption a figure, with what its controls say."""
    remark = tell_unearned(records)
    return f"{caption} Controls: {remark}." if remark else caption


def _told(row: pd.Series, whole: Collection[str]) -> str:
    size = "" if row["arm"] in whole else f" at {row['size']}"
    score = f"{row['without_signal']:.2f} ({row['control']})"
    return f"{row['arm']} under {row['learner']}{size} on {row['dataset']} {score}"


def _whole(records: Iterable[RunRecord]) -> set[str]:
    """Arms of all rows, which stand beside every size."""
    return {record.spec.reducer.label for record in records if record.spec.size is None}


def _alone(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Score the controls that share no seed with their arm, which they are named in place of."""
    controls = {
        record.spec.reducer.label: record.spec.reducer.control
        for record in records
        if record.spec.reducer.control is not None
    }
    arms = {label: arm for arm, pairs in _controls(records).items() for label, _ in pairs}
    rows = []
    for key, block in scored_seeds(records).groupby(["dataset", "size", "learner"], dropna=False):
        seeds = seed_table(block)
        for label in sorted(controls.keys() & set(map(str, seeds))):
            arm = arms.get(label, "")
            if arm not in seeds or seeds[[label, arm]].dropna().empty:
                rows.append(
                    {
                        **dict(zip(("dataset", "size", "learner"), key, strict=True)),
                        **{"arm": label, "control": controls[label], "pairs": 0},
                        **estimate("without_signal", [seeds[label].dropna().to_numpy()]),
                    }
                )
    return tabulate(rows, COLUMNS)


def _controls(records: Iterable[RunRecord]) -> dict[str, list[tuple[str, str]]]:
    """Find for each arm the labels of its controls, and what was done to their data."""
    specs = {record.spec.reducer.label: record.spec.reducer for record in records}
    controls = [spec for spec in specs.values() if spec.control is not None]
    found: dict[str, list[tuple[str, str]]] = {}
    for spec, control in product(specs.values(), controls):
        if spec.control is None and _made_of(spec) == _made_of(control):
            found.setdefault(spec.label, []).append((control.label, str(control.control)))
    return {arm: sorted(pairs) for arm, pairs in found.items()}


def _made_of(spec: ReducerSpec) -> tuple[Any, ...]:
    return spec.name, spec.parameters, spec.labels


def _rows(
    seeds: pd.DataFrame, controls: dict[str, list[tuple[str, str]]]
) -> Iterable[dict[str, Any]]:
    present = set(map(str, seeds))
    for arm in sorted(present & controls.keys(), key=arm_rank):
        for label, control in controls[arm]:
            if label in present:
                both = seeds[[arm, label]].dropna()
                owed = paired_differences(both, arm, label)
                yield {
                    "arm": arm,
                    "control": control,
                    "pairs": len(both),
                    **estimate("score", [both[arm].to_numpy()]),
                    **estimate("without_signal", [both[label].to_numpy()]),
                    **estimate_over_strata("owed", [owed]),
                }


SIGNAL = Table(
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_signal,
    remarks=tell_unearned,
    tells_protocol=True,
)
