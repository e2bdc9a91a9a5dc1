"""Records as data frames: one row a run, or one row a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from harness.core.classes.specs import ReducerSpec
from harness.core.presentation.run_values import measurements_of
from harness.core.records import RunRecord, RunResult

FULL = "full"  # the arm that others are compared with
ARM_ORDER = (
    *(FULL, "random", "stratified", "leverage", "tree-recombination", "kernel-herding"),
    *("loss-matching", "adversarial", "exact", "bellman", "bellman-additive", "bellman-product"),
    *("bellman-product-k20", "bellman-product-k100", "operator"),
    *("full-shaped", "full-advantage", "random-shaped", "random-advantage", "every-action"),
    *("stratified-shaped", "stratified-advantage", "forward-selection-advantage"),
    *("exact-advantage", "bellman-product-advantage", "bellman-network-advantage"),
    *("full-best-action", "stratified-best-action"),
)

KEYS = {"dataset": "str", "arm": "str", "size": "Int64", "learner": "str", "seed": "int64"}
_RUN_TYPES = KEYS | {
    "run_id": "str",
    "replicate": "int64",
    "status": "str",
    "headline": "float64",
    "last_return": "float64",
    "regret": "float64",
    "agreement": "float64",
    "reference_min": "float64",
    "reference_max": "float64",
    "seconds_reduction": "float64",
    "seconds_training": "float64",
    "seconds_evaluation": "float64",
    "rows": "Int64",
    "bytes": "Int64",
    "dataset_bytes": "Int64",
}
_CURVE_TYPES = KEYS | {"replicate": "int64", "step": "int64", "mean_return": "float64"}


def arm_rank(arm: str) -> tuple[int, str]:
    """Sort key of an arm: the fixed order first, other arms after it by name."""
    known = ARM_ORDER.index(arm) if arm in ARM_ORDER else len(ARM_ORDER)
    return known, arm


def runs_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Tabulate the runs, failed ones too, in an order that follows from their specs.

    Returns:
        One row a run. ``size`` is missing where a run takes every row; ``headline`` is the run's
        one number; ``rows`` and ``bytes`` are of what was trained on; seconds are wall time. A
        failed run has no measurements, and a regression run neither a last policy nor references;
        ``regret`` and ``agreement`` are missing where the record has no certificate of use.
    """
    return frame_of((_run_row(record) for record in in_order(records)), _RUN_TYPES)


def curves_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Tabulate the checkpoints of completed control runs.

    Returns:
        One row for each run and checkpoint: the run's keys, ``step`` in gradient steps and
        ``mean_return`` over the evaluation episodes.
    """
    rows = [
        run_keys(record)
        | {
            "replicate": record.spec.replicate,
            "step": [checkpoint.step for checkpoint in record.result.checkpoints],
            "mean_return": [checkpoint.mean_return for checkpoint in record.result.checkpoints],
        }
        for record in in_order(records)
        if isinstance(record.result, RunResult)
    ]
    runs = pd.DataFrame(rows, columns=list(_CURVE_TYPES))  # a row a run, which is much quicker
    return runs.explode(["step", "mean_return"], ignore_index=True).astype(_CURVE_TYPES)


def shared_checkpoints(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean returns of an arm at the checkpoints of all its seeds: a row a step, a column a seed.

    Args:
        curves: The rows of one arm of what `curves_frame` returned, replicates averaged.
    """
    return curves.pivot(index="step", columns="seed", values="mean_return").dropna()


def controls_of(records: Iterable[RunRecord]) -> dict[str, list[ReducerSpec]]:
    """Find for each arm, by its label, its controls: they differ from it in the data alone."""
    specs = {record.spec.reducer.label: record.spec.reducer for record in records}
    controls = [spec for spec in specs.values() if spec.control is not None]
    found = {
        label: [control for control in controls if _made_of(control) == _made_of(spec)]
        for label, spec in specs.items()
        if spec.control is None
    }
    return {arm: sorted(each, key=lambda spec: spec.label) for arm, each in found.items() if each}


def _made_of(spec: ReducerSpec) -> tuple[object, ...]:
    return spec.name, spec.parameters, spec.labels


def average_replicates(frame: pd.DataFrame) -> pd.DataFrame:
    """Average the completed runs of every seed, which differ in their learner's seed alone.

    Seeds are what comparisons count: runs on one reduction are no independent trials of it. Failed
    runs stay as they are.

    Args:
        frame: What `runs_frame` or `curves_frame` returned.
    """
    if not frame["replicate"].any():
        return frame
    unit = [name for name in (*KEYS, "status", "step") if name in frame]
    numbers = frame.columns[frame.dtypes == "float64"].tolist()
    means = frame.groupby(unit, dropna=False)[numbers].transform("mean")
    kept = ~frame.duplicated(unit)
    if "status" in frame:
        kept |= frame["status"] == "failed"
    return frame.assign(**{name: means[name] for name in numbers})[kept]


def beside_every_size(frame: pd.DataFrame) -> pd.DataFrame:
    """Repeat the rows without a size once for every size of the same dataset and learner.

    Rows stay without a size where their dataset and learner have none.
    """
    parts = [
        _at_size(group, size)
        for _, group in frame.groupby(["dataset", "learner"], sort=False)
        for size in sorted(group["size"].dropna().unique()) or [None]
    ]
    return pd.concat(parts, ignore_index=True) if parts else frame


def _at_size(frame: pd.DataFrame, size: int | None) -> pd.DataFrame:
    if size is None:
        return frame
    filled = frame.assign(size=frame["size"].fillna(size))
    return filled[filled["size"] == size]


def in_order(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Sort records by their specs, whatever order they come in."""
    return sorted(records, key=_rank)


def _rank(record: RunRecord) -> tuple[object, ...]:
    spec = record.spec
    arm = arm_rank(spec.reducer.label)
    unit = spec.dataset, spec.learner.label, arm, spec.size or 0, spec.seed
    return *unit, spec.replicate, record.run_id


def run_keys(record: RunRecord) -> dict[str, Any]:
    """What tells runs of one study apart: the values of ``KEYS``, and the run's id."""
    spec = record.spec
    return {
        "dataset": spec.dataset,
        "arm": spec.reducer.label,
        "size": spec.size,
        "learner": spec.learner.label,
        "seed": spec.seed,
        "run_id": record.run_id,
    }


def _run_row(record: RunRecord) -> dict[str, Any]:
    row = run_keys(record) | {"replicate": record.spec.replicate, "status": record.status}
    return row | measurements_of(record)


def frame_of(rows: Iterable[dict[str, Any]], types: dict[str, str]) -> pd.DataFrame:
    """Make a data frame of these columns, in their order and pandas types.

    What a row does not have is missing.
    """
    return pd.DataFrame(list(rows), columns=list(types)).astype(types)
