"""What was learnt from a set, as far as the records of a results folder tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from harness.core.errors import InputError
from harness.core.records import RunRecord, RunResult, read_records

HEAD = (
    "| learner | gradient steps | runs | return | runs, all data | return, all data |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |\n"
)
MEANING = (
    "return: mean over runs of the mean of the last three checkpoints; all data: the same learner "
    "on the whole source."
)
Trainee = tuple[str, int]  # a learner's label, and its gradient steps


def tabulate_returns(directory: Path, content_hash: str, source_hash: str | None) -> str:
    """Tabulate in Markdown what learners return that were trained on exactly these rows.

    Runs are found by the content hash of what was trained on, whatever arm or dataset they name.

    Args:
        directory: A results folder.
        content_hash: Of the set's transitions.
        source_hash: Of the source's transitions; None: unknown.

    Raises:
        InputError: If there is no such run, or a record cannot be read.
    """
    found: dict[str, list[RunRecord]] = defaultdict(list)
    for record in read_records(directory):
        if isinstance(record.result, RunResult):
            found[record.result.reduction.content_hash].append(record)
    trained = _by_trainee(found[content_hash])
    if not trained:
        raise InputError(
            f"results folder {str(directory)!r}: no run was trained on this set, of content hash "
            f"{content_hash[:12]}…; name the folder of one that was, or leave --results out"
        )
    whole = _by_trainee(found[source_hash] if source_hash else [])
    rows = (_row(trainee, runs, whole.get(trainee, [])) for trainee, runs in trained.items())
    return f"{HEAD}{''.join(rows)}\n{MEANING}"


def _by_trainee(records: Iterable[RunRecord]) -> Mapping[Trainee, list[float]]:
    """Return the headline of each run, by what was trained."""
    returns: dict[Trainee, list[float]] = defaultdict(list)
    for record in records:
        if isinstance(record.result, RunResult):
            steps = record.result.checkpoints[-1].step
            returns[record.spec.learner.label, steps].append(record.headline)
    return dict(sorted(returns.items()))


def _row(trainee: Trainee, runs: list[float], whole: list[float]) -> str:
    label, steps = trainee
    cells = [label, f"{steps:,}", *_summary(runs), *_summary(whole)]
    return f"| {' | '.join(cells)} |\n"


def _summary(returns: list[float]) -> tuple[str, str]:
    return (str(len(returns)), f"{np.mean(returns):.1f}") if returns else ("–", "–")
