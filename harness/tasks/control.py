"""The control task: learners are evaluated by the returns of their policies."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from functools import lru_cache
from typing import Any, ClassVar, cast

from envs.comparison import compare, evidence_of, find_misfits
from envs.dataset import Dataset
from envs.loading import (
    is_to_be_had,
    last_changed,
    open_dataset,
    open_recording,
    warn_of_problems,
)
from harness.core.classes.environments import EnvironmentSpec
from harness.core.classes.reading import Reading, check_scores
from harness.core.classes.specs import Control, ReducerSpec
from harness.core.errors import InputError, naming
from harness.core.learner import Learner
from harness.core.records import DatasetFacts, RunResult, Seconds
from harness.core.reduction import Reducer, Reduction
from harness.core.seeding import derive_seed, stream
from harness.core.specs import CodebookSpec, RunSpec, Suite
from harness.core.transitions import Transitions
from harness.labels.signal import without_signal
from harness.learners import engines
from harness.tasks.base import Task, reduction_facts
from harness.tasks.builtin import LEARNERS, REDUCERS
from harness.tasks.checkpoints import Evaluation
from harness.tasks.teaching.labelling import LabelledControl, LabelledReducer, label_by

logger = logging.getLogger("bellman_bench")


class ControlTask(Task[Dataset, Transitions]):
    """Offline RL: transitions are reduced, and learned policies evaluated in the environment."""

    name: ClassVar[str] = "control"
    reducers = REDUCERS
    learners = LEARNERS

    def make_reducer(self, spec: ReducerSpec, discount: float | None) -> Reducer[Transitions]:
        """Build a reducer, with its labels if it has any; ``discount`` reaches both.

        Raises:
            InputError: If a name or a parameter is unknown, or a value breaks its rule.
        """
        reducer = super().make_reducer(spec, discount)
        if spec.labels is None:
            return reducer
        kind = LabelledReducer if spec.control is None else LabelledControl
        return label_by(reducer, spec.name, spec.labels, cast(float, discount), kind)

    def open(self, spec: RunSpec) -> Dataset:
        """Open the dataset of a run, read as the run says."""
        changed = last_changed(spec.dataset)
        return _open(spec.dataset, spec.codebook, spec.full_reading.model_dump_json(), changed)

    def warn(self, spec: RunSpec) -> None:
        """Log what is wrong with the rows of the dataset, which is read once more for it."""
        warn_of_problems(open_recording(spec.dataset, spec.full_reading))

    def hash(self, source: Dataset, seed: int) -> str:  # noqa: ARG002
        """Hash the transitions, which are the same for every seed."""
        return source.content_hash

    def environment(self, source: Dataset) -> EnvironmentSpec | None:
        """Return where policies are evaluated."""
        return source.environment

    def last_changed(self, dataset: str) -> int | None:
        """Return when a dataset that is here last changed; None: it is to be had first."""
        return last_changed(dataset)

    def is_to_be_had(self, dataset: str) -> bool:
        """Whether a dataset would be collected or downloaded."""
        return is_to_be_had(dataset)

    def rows(self, source: Dataset, seed: int) -> Transitions:  # noqa: ARG002
        """Return all transitions."""
        return source.transitions

    def arm_rows(self, spec: ReducerSpec, source: Dataset, seed: int) -> Transitions:
        """Return all transitions, of a control those without signal."""
        if spec.control is None:
            return source.transitions
        return _without_signal(source, spec.control, seed if spec.control == "permuted" else 0)

    def measured_rows(self, spec: RunSpec, source: Dataset) -> Transitions:
        """Return the transitions of the arm, labelled by the same teacher as the reduction."""
        rows = super().measured_rows(spec, source)
        reducer = self.make_reducer(spec.reducer, spec.discount)
        return reducer.label(rows) if isinstance(reducer, LabelledReducer) else rows

    def facts(self, source: Dataset, seed: int) -> DatasetFacts:  # noqa: ARG002
        """Return the facts about the dataset; with a codebook this plays episodes."""
        reference = source.reference
        return DatasetFacts(
            environment_id=reference.environment_id,
            environment_spec=reference.environment_spec,
            rows=len(source.transitions),
            bytes=source.transitions.nbytes,
            content_hash=source.content_hash,
            reference_min=reference.reference_min,
            reference_max=reference.reference_max,
            quantisation=source.quantisation,
        )

    def prepare(self, spec: RunSpec) -> None:
        """Import the libraries of a run's learners, and compile what its engine needs.

        Raises:
            InputError: If there is no such learner or reducer.
        """
        super().prepare(spec)
        learner = self.make_learner(spec.learner, spec.discount)
        if isinstance(learner, Learner):
            engines.prepare(learner, spec.engine)

    def check(self, suite: Suite, leave_out: Collection[str] = ()) -> None:
        """Check datasets and reducers, and that engines can train the learners; see `Task`.

        Raises:
            InputError: If something cannot be used.
        """
        for entry in suite.learners:
            learner = self.make_learner(entry, suite.discount)
            if isinstance(learner, Learner):
                engines.check_engine(learner, entry.engine or suite.engine)
        super().check(suite, leave_out)

    def check_learnable(self, learner: Any, rows: Transitions) -> None:
        """Check that a learner or metric takes actions as the dataset has them.

        Raises:
            InputError: If it does not.
        """
        if isinstance(learner, Learner):
            learner.rows_for(rows)
        elif not learner.takes_continuous:
            rows.check_numbered(f"metric {learner.name!r}")

    def check_trainable(self, source: Dataset) -> None:
        """Check that policies can be evaluated in the environment, and that it is the data's.

        What is merely doubtful is logged.

        Raises:
            InputError: If they cannot be evaluated, or replayed rewards are not the recorded ones.
        """
        environment = check_evaluable(source)
        recorded_in = source.recorded_in or environment
        named = source.is_environment_named
        for finding in compare(evidence_of(source), environment, recorded_in, is_named=named):
            line = f"dataset {source.dataset_id!r}: {finding.text}"
            if finding.refused:
                raise InputError(line)
            logger.warning(line)

    def train(
        self, spec: RunSpec, source: Dataset, reduction: Reduction[Transitions], learner: Learner
    ) -> RunResult:
        """Train on a reduction, and evaluate the policy at every checkpoint.

        All methods of one seed share the random streams of the learner and the evaluation, so that
        comparisons are paired. Of the last policy the record keeps its use as well; to fit who
        judges it counts as no stage, since runs share it. Training that another run has saved this
        one counts as its own.
        """
        evaluation = Evaluation(spec, source, check_evaluable(source), learner)
        engines.prepare(learner, spec.engine)  # imports libraries: not timed
        policies = engines.fit(learner, spec.engine, reduction.rows, _learner_seed(spec))
        started, saved = time.perf_counter(), 0.0
        for trained in policies:
            evaluation.take(trained)
            saved = trained.saved_seconds
        training_seconds = time.perf_counter() - started - evaluation.seconds + saved
        return RunResult(
            dataset=self.facts(source, spec.seed),
            reduction=reduction_facts(reduction),
            learner_parameters=learner.model_dump(mode="json"),
            checkpoints=evaluation.checkpoints,
            seconds=Seconds(
                reduction=reduction.seconds,
                training=training_seconds,
                evaluation=evaluation.seconds,
            ),
            use=evaluation.use,
        )


_SAY_THEM = (
    "say them by --environment, --reference-min and --reference-max, or in a suite by datasets = "
    "[{ id = …, environment = …, reference_min = …, reference_max = … }]"
)


def check_evaluable(dataset: Dataset) -> EnvironmentSpec:
    """Return the environment in which policies are evaluated.

    Raises:
        InputError: If the dataset names no environment or no reference scores, the environment
        cannot be made, or its spaces do not fit the dataset's observations and actions.
    """
    low, high = dataset.reference_min, dataset.reference_max
    if dataset.environment is None or low is None or high is None:
        raise InputError(
            f"dataset {dataset.dataset_id!r} lacks an environment or reference scores: policies "
            f"are evaluated in the environment and returns normalised by the scores; {_SAY_THEM}"
        )
    with naming(dataset.dataset_id):
        check_scores(low, high)
    for misfit in find_misfits(evidence_of(dataset), dataset.environment):
        raise InputError(f"dataset {dataset.dataset_id!r} has {misfit}")
    return dataset.environment


def _learner_seed(spec: RunSpec) -> int:
    replicate = (spec.replicate,) if spec.replicate else ()  # 0: as in suites without them
    return derive_seed("learner", spec.learner.name, spec.seed, *replicate)


@lru_cache(maxsize=4)
def _without_signal(dataset: Dataset, control: Control, seed: int) -> Transitions:
    return without_signal(dataset.transitions, control, stream("control", seed))


@lru_cache(maxsize=4)
def _open(
    dataset_id: str,
    codebook: CodebookSpec | None,
    reading: str,
    changed: int | None,  # noqa: ARG001 - another file of that name is another dataset
) -> Dataset:
    said = Reading.model_validate_json(reading)
    return open_dataset(dataset_id, codebook, said, quietly=True)  # `warn` tells once a suite
