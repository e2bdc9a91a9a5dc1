"""What runs are expected to take: measured costs of their parts, and how fast this machine is.

The costs are medians of committed records, in seconds of one core of the machine that made most of
them (AMD EPYC) with nothing else running. Datasets of the size of the collected ones are meant, and
a class of the user's counts as a cheap one. So they tell a minute from an hour; between runs of one
suite they are better than that, which is what the time left is told by.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from harness.core.classes.specs import LearnerSpec, TeacherSpec
from harness.core.records import RunRecord
from harness.core.specs import RunSpec
from harness.execution.worker_pool import reduction_identity
from harness.learners.networks import NetworkLearner
from harness.tasks.kinds import TASKS

# A gradient step of two layers of 64 units: in any case, and for each row of a mini-batch.
STEP: Final = {"d3rlpy": (6.6e-4, 7e-7), "fast": (2.2e-5, 2e-8)}
EPISODE: Final = {"d3rlpy": 4e-3, "fast": 5e-4}  # of evaluation
NETWORKS: Final = {
    "bc": 0.8,
    "bc-continuous": 0.7,
    "bcq": 1.8,
    "cql": 1.4,
    "cql-continuous": 7.5,
    "ensemble-dqn": 4.2,
    "iql": 3.1,
    "td3+bc": 3.1,
}  # a step of theirs in steps of dqn
STEPLESS: Final = {"linear-fqi": 0.07, "mlp": 0.05, "fresh-predictors": 2.3}
ON_ALL_ROWS: Final = {"linear-fqi": 1.1}  # where it differs
TEACHERS: Final = {"closed-form": 3.0, "cautious": 10.0, "learner": 9.0}
REDUCERS: Final = {
    "adversarial": 0.02,
    "bellman": 0.5,
    "forward-selection": 0.4,
    "kernel-herding": 0.35,
    "loss-matching": 0.07,
    "moved-points": 2.0,
    "operator": 1.0,
    "pilot-selection": 12.0,
    "tree-recombination": 0.02,
}
OTHER: Final = 0.005  # any other part, and what is done between runs
PRODUCTS_A_SECOND: Final = 128_000.0  # of `speed`, on the machine of the table
CALIBRATION: Final = 0.1  # seconds


def expected_seconds(runs: Iterable[RunSpec]) -> dict[str, float]:
    """Expected seconds of runs by run id, on the machine of the table.

    The first run that needs a reduction, or a teacher, is expected to make it for the others.
    """
    made: set[str] = set()
    expected = {}
    for spec in runs:
        parts = dict(_shared_parts(spec))
        expected[spec.run_id] = _own_seconds(spec) + sum(
            seconds for part, seconds in parts.items() if part not in made
        )
        made |= parts.keys()
    return expected


def recorded_seconds(records: Iterable[RunRecord]) -> float:
    """Seconds that completed runs took together, what they share counted once.

    Every labelled record holds its teacher's seconds too, in those of its reduction, and one whose
    learner is a teacher in those of its training. They are no more than the least of those that
    share the teacher, of which some arm does next to nothing else.
    """
    own = 0.0
    reductions: dict[str, tuple[str | None, float]] = {}
    taught: dict[str | None, list[float]] = defaultdict(list)
    for record in records:
        if record.result is not None:
            seconds = record.result.seconds
            own += seconds.evaluation
            learner, labels = _fit_as_learner(record.spec), _fit_for_labels(record.spec)
            taught[learner and learner.identity].append(seconds.training)
            reduction = reduction_identity(record.spec)
            reductions[reduction] = labels and labels.identity, seconds.reduction
    for teacher, taken in reductions.values():
        taught[teacher].append(taken)
    alone = sum(taught.pop(None, []))
    return own + alone + sum(sum(each) - min(each) * (len(each) - 1) for each in taught.values())


def speed() -> float:
    """How fast this core is, as a multiple of the table's, by a fraction of a second of arithmetic.

    Small matrix products of single precision, which is what gradient steps are made of.
    """
    rows, weights = np.ones((64, 64), np.float32), np.full((64, 64), 1 / 64, np.float32)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < CALIBRATION:
        for _ in range(100):
            np.maximum(rows @ weights, 0, out=rows)
        count += 100
    return count / (time.perf_counter() - started) / PRODUCTS_A_SECOND


class _Fit(NamedTuple):
    """A teacher's fit, which runs of the same identity share."""

    identity: str
    seconds: float


def _shared_parts(spec: RunSpec) -> Iterator[tuple[str, float]]:
    """Yield what a run shares with others, each with its seconds."""
    yield reduction_identity(spec), REDUCERS.get(spec.reducer.name, OTHER)
    yield from (fit for fit in (_fit_for_labels(spec), _fit_as_learner(spec)) if fit)


def _fit_for_labels(spec: RunSpec) -> _Fit | None:
    """Fit of the teacher of a run's labels, to all of its data."""
    return _fit(spec.reducer.labels.teacher, spec) if spec.reducer.labels else None


def _fit_as_learner(spec: RunSpec) -> _Fit | None:
    """Fit of the teacher in the place of a run's learner, to what the run reduces its data to."""
    if spec.learner.name != "teacher":
        return None
    teacher = TeacherSpec.model_validate(spec.learner.parameters.get("teacher", {}))
    reduced = spec.reducer.name != "full" or spec.reducer.labels
    return _fit(teacher, spec, reduction_identity(spec) if reduced else None)


def _fit(teacher: TeacherSpec, spec: RunSpec, rows: str | None = None) -> _Fit:
    seed = spec.seed if spec.reducer.control == "permuted" else None
    data = spec.dataset, spec.reducer.control, seed, spec.discount, rows
    return _Fit(f"{teacher.model_dump_json()} {data}", TEACHERS.get(teacher.name, OTHER))


def _own_seconds(spec: RunSpec) -> float:
    """Seconds to train and evaluate, or to measure."""
    name = spec.learner.name
    learner = _learner(spec.task, spec.learner.model_dump_json(), spec.discount)
    if not isinstance(learner, NetworkLearner):
        seconds = STEPLESS.get(name, OTHER)
        return OTHER + (ON_ALL_ROWS.get(name, seconds) if spec.size is None else seconds)
    always, a_row = STEP[spec.engine]
    training = learner.steps * (always + a_row * learner.batch_size) * NETWORKS.get(name, 1.0)
    return OTHER + training + (spec.episodes or 0) * learner.checkpoints * EPISODE[spec.engine]


@lru_cache(maxsize=64)
def _learner(task: str, learner_json: str, discount: float | None) -> Any:
    return TASKS[task].make_learner(LearnerSpec.model_validate_json(learner_json), discount)
