"""What every caption says of the records behind a table or figure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pydantic import JsonValue

from harness.core.classes.specs import ReducerSpec
from harness.core.records import Parameters, RunRecord, RunResult
from harness.core.specs import RunSpec


def provenance(records: Sequence[RunRecord]) -> str:
    """Say in one line which data, sizes, seeds, steps and episodes the records hold.

    Runs that failed are counted at the end.
    """
    specs = [record.spec for record in records]
    done = [record for record in records if record.result is not None]
    trained = [record for record in done if isinstance(record.result, RunResult)]
    parts = [
        ", ".join(sorted({spec.dataset for spec in specs})),
        _all({_quantisation(record) for record in done} - {""}),
        _listed("size", {spec.size for spec in specs if spec.size is not None}),
        _listed("seed", {spec.seed for spec in specs}),
        _replicates(1 + max((spec.replicate for spec in specs), default=0)),
        *(_extent(kind, _last_steps(trained, kind)) for kind in ("gradient steps", "iterations")),
        _extent("episodes a checkpoint", {record.spec.episodes or 0 for record in trained}),
        _failures(len(records) - len(done)),
    ]
    return "; ".join(part for part in parts if part)


def protocol(records: Iterable[RunRecord]) -> str:
    """Say in one line what the learners' parameters were, and how much data there was.

    A learner whose parameters differ between datasets is told once for each kind.
    """
    results = [(record.spec, record.result) for record in records if record.result is not None]
    users: dict[tuple[str, str], set[str]] = {}
    for spec, result in results:
        key = spec.learner.label, _told(result.learner_parameters)
        users.setdefault(key, set()).add(spec.dataset)
    kinds = [learner for learner, _ in users]
    learners = [
        f"{learner}{f' on {_all(datasets)}' if kinds.count(learner) > 1 else ''}: {told}"
        for (learner, told), datasets in sorted(users.items())
        if told
    ]
    discounts = {f"{spec.discount:g}" for spec, _ in results if spec.discount is not None}
    reducers = {spec.reducer.label: spec.reducer for spec, _ in results}
    labels = sorted({_labels_told(reducer) for reducer in reducers.values()} - {""})
    rows = {f"{spec.dataset} {result.dataset.rows}" for spec, result in results}
    head = [f"discount {_all(discounts)}", *_engines(spec for spec, _ in results)]
    parts = [*head, *learners, *labels, f"transitions: {_all(rows)}"]
    return "; ".join(parts)


def headline(records: Sequence[RunRecord]) -> str:
    """Caption a figure of what the comparison says of returns."""
    return interquartile(records, "each run's mean of the last three checkpoints")


def interquartile(records: Sequence[RunRecord], what: str) -> str:
    """Caption a figure of inter-quartile means over seeds."""
    return (
        f"{provenance(records)}. Inter-quartile mean over seeds of {what}, "
        f"with its 95\u00a0% percentile bootstrap interval. Protocol: {protocol(records)}."
    )


def _labels_told(reducer: ReducerSpec) -> str:
    """Say what the rewards of an arm are; empty for recorded ones, and for controls of others."""
    labels = reducer.labels
    if labels is None or reducer.control is not None:
        return ""
    before = " before reducing" if labels.when == "before" else ""
    teacher = labels.teacher
    parts = (_told(labels.parameters), f"teacher {teacher.name}", _told(teacher.parameters))
    return f"{reducer.label}: {labels.name} labels{before} ({', '.join(filter(None, parts))})"


def _engines(specs: Iterable[RunSpec]) -> list[str]:
    """Say which engine trained the networks, unless it was d3rlpy alone."""
    users: dict[str, set[str]] = {}
    for spec in specs:
        users.setdefault(spec.engine, set()).add(spec.learner.label)
    if len(users) > 1:
        return [f"engine {engine}: {_all(users[engine])}" for engine in sorted(users)]
    return [f"engine {engine}" for engine in users if engine != "d3rlpy"]


def _told(parameters: Parameters) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in parameters.items()
        if name not in ("discount", "checkpoints")
    )


def _value(value: JsonValue) -> str:
    """Write a parameter; a class with parameters of its own as ``name (parameters)``."""
    if isinstance(value, list):
        return "×".join(map(str, value))
    if isinstance(value, dict) and "name" in value:
        inner = value.get("parameters")
        told = _told(inner) if isinstance(inner, dict) else ""
        return f"{value['name']} ({told})" if told else str(value["name"])
    return str(value)


def _all(texts: Collection[str]) -> str:
    return ", ".join(sorted(texts))


def _quantisation(record: RunRecord) -> str:
    """Say what a codebook costs before anything is reduced or trained."""
    facts = record.result.dataset.quantisation if record.result else None
    if not facts or "variance_share" not in facts:
        return ""
    return (
        f"actions numbered by {facts['codes']:.0f} codes, which lose {facts['variance_share']:.2%} "
        "of their variance"
    )


def _replicates(count: int) -> str:
    return f"{count} learner seeds on each reduction" if count > 1 else ""


def _last_steps(records: Iterable[RunRecord], kind: str) -> set[int]:
    """The last checkpoints of learners that count them so; closed forms count iterations."""
    return {
        result.checkpoints[-1].step
        for result in (record.result for record in records)
        if isinstance(result, RunResult)
        and result.checkpoints[-1].step
        and ("iterations" in result.learner_parameters) == (kind == "iterations")
    }


def _listed(noun: str, numbers: Collection[int]) -> str:
    values = sorted(numbers)
    if not values:
        return ""
    plural = noun if len(values) == 1 else f"{noun}s"
    if len(values) > 2 and values[-1] - values[0] == len(values) - 1:
        return f"{plural} {values[0]}–{values[-1]}"
    return f"{plural} {', '.join(map(str, values))}"


def _extent(noun: str, numbers: Collection[int]) -> str:
    if not numbers:
        return ""
    ends = sorted({min(numbers), max(numbers)})
    return f"{'–'.join(map(str, ends))} {noun}"


def _failures(count: int) -> str:
    return f"{count} failed {'run' if count == 1 else 'runs'} left out" if count else ""
