"""A run as flat values, for tables and other programs: what it was and what it measured."""

from __future__ import annotations

from harness.core.records import RunRecord, RunResult
from harness.core.specs import RunSpec


def settings_of(spec: RunSpec) -> dict[str, str | int | float | None]:
    """Say what a run is by names and numbers; None stands for what it does not have.

    ``arm`` is the label of the reducer and ``method`` its name; ``labels`` is "recorded" where no
    teacher made them; ``size`` is None where all rows are taken.
    """
    reducer, labels = spec.reducer, spec.reducer.labels
    return {
        "task": spec.task,
        "dataset": spec.dataset,
        "arm": reducer.label,
        "method": reducer.name,
        "labels": labels.name if labels else "recorded",
        "teacher": labels.teacher.name if labels else None,
        "control": reducer.control,
        "size": spec.size,
        "learner": spec.learner.label,
        "engine": spec.engine,
        "seed": spec.seed,
        "replicate": spec.replicate,
        "discount": spec.discount,
        "episodes": spec.episodes,
    }


def measurements_of(record: RunRecord) -> dict[str, float | None]:
    """Say what a run measured; empty if it failed.

    ``headline`` is its one number; ``rows`` and ``bytes`` are of what was trained on; seconds are
    wall time. Only a control run has ``last_return``, and only one with a certificate of use
    ``regret`` and ``agreement``; references are None in regression.
    """
    result = record.result
    if result is None:
        return {}
    measured: dict[str, float | None] = {
        "headline": record.headline,
        "reference_min": result.dataset.reference_min,
        "reference_max": result.dataset.reference_max,
        "seconds_reduction": result.seconds.reduction,
        "seconds_training": result.seconds.training,
        "seconds_evaluation": result.seconds.evaluation,
        "rows": result.reduction.rows,
        "bytes": result.reduction.bytes,
        "dataset_bytes": result.dataset.bytes,
    }
    if isinstance(result, RunResult):
        measured["last_return"] = result.checkpoints[-1].mean_return
        if result.use:
            measured |= result.use.model_dump()
    return measured
