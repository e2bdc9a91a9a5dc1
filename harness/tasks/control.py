"""The control task: learners are evaluated by the returns of their policies."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import ClassVar, cast

from envs.dataset import Dataset
from envs.environment import spaces_of
from envs.loading import open_dataset
from harness.core.classes.specs import Control, ReducerSpec
from harness.core.errors import InputError, naming
from harness.core.learner import Learner
from harness.core.reading import Reading, check_scores
from harness.core.records import DatasetFacts, RunResult, Seconds
from harness.core.reduction import Reducer, Reduction
from harness.core.seeding import derive_seed, stream
from harness.core.specs import CodebookSpec, RunSpec, Suite
from harness.core.transitions import Transitions
from harness.labels.controls import without_signal
from harness.learners import engines
from harness.tasks.base import Task, reduction_facts
from harness.tasks.builtin import LEARNERS, REDUCERS
from harness.tasks.checkpoints import Evaluation
from harness.tasks.teaching.labelling import LabelledReducer, label_by


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
        gamma, is_control = cast(float, discount), spec.control is not None
        return label_by(reducer, spec.name, spec.labels, gamma, is_control=is_control)

    def open(self, spec: RunSpec) -> Dataset:
        """Open the dataset of a run, read as the run says."""
        return _open(spec.dataset, spec.codebook, spec.full_reading.model_dump_json())

    def hash(self, source: Dataset, seed: int) -> str:  # noqa: ARG002
        """Hash the transitions, which are the same for every seed."""
        return source.content_hash

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
        """Return the facts about the dataset; with a codebook this replays episodes."""
        return DatasetFacts(
            environment_id=source.environment_id,
            rows=len(source.transitions),
            bytes=source.transitions.nbytes,
            content_hash=source.content_hash,
            reference_min=source.reference_min,
            reference_max=source.reference_max,
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

    def check(self, suite: Suite) -> None:
        """Check datasets and reducers, and that engines can train the learners.

        Raises:
            InputError: If something cannot be used.
        """
        for entry in suite.learners:
            learner = self.make_learner(entry, suite.discount)
            if isinstance(learner, Learner):
                engines.check_engine(learner, entry.engine or suite.engine)
        super().check(suite)

    def check_trainable(self, source: Dataset) -> None:
        """Check that policies can be evaluated in the dataset's environment."""
        check_evaluable(source)

    def train(
        self, spec: RunSpec, source: Dataset, reduction: Reduction[Transitions], learner: Learner
    ) -> RunResult:
        """Train on a reduction, and evaluate the policy at every checkpoint.

        All methods of one seed share the random streams of the learner and the evaluation, so that
        comparisons are paired. Of the last policy the record keeps its use as well; to fit who
        judges it counts as no stage, since runs share it.
        """
        evaluation = Evaluation(spec, source, check_evaluable(source))
        engines.prepare(learner, spec.engine)  # imports libraries: not timed
        policies = engines.fit(learner, spec.engine, reduction.rows, _learner_seed(spec))
        started = time.perf_counter()
        for trained in policies:
            evaluation.take(trained)
        training_seconds = time.perf_counter() - started - evaluation.seconds
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


def check_evaluable(dataset: Dataset) -> str:
    """Return the environment in which policies are evaluated.

    Raises:
        InputError: If the dataset names no environment or no reference scores, the environment
        cannot be made, or its action space does not fit the dataset's actions.
    """
    low, high = dataset.reference_min, dataset.reference_max
    if dataset.environment_id is None or low is None or high is None:
        raise InputError(
            f"dataset {dataset.dataset_id!r} lacks an environment or reference scores: policies "
            f"are evaluated in the environment and returns normalised by the scores; {_SAY_THEM}"
        )
    with naming(dataset.dataset_id):
        check_scores(low, high)
    obs_dim, actions = spaces_of(dataset.environment_id)
    if (actions is not None) != (dataset.codebook is None):
        coded = dataset.codebook is not None
        raise InputError(
            f"dataset {dataset.dataset_id!r} has integer actions and "
            f"{'a codebook of continuous ones' if coded else 'no codebook'}, but "
            f"{dataset.environment_id} has a {'discrete' if coded else 'continuous'} action space; "
            f"reduce a dataset of that environment again, or name another; {_SAY_THEM}"
        )
    found = dataset.transitions.obs_dim, dataset.transitions.action_count
    if found[0] != obs_dim or (actions and not (actions.start == 0 and actions.n >= found[1])):
        raise InputError(
            f"dataset {dataset.dataset_id!r} has observations of {found[0]} numbers and actions "
            f"0..{found[1] - 1}, but {dataset.environment_id} has observations of {obs_dim} and "
            f"the action space {actions}; name the environment that the data are of; {_SAY_THEM}"
        )
    return dataset.environment_id


def _learner_seed(spec: RunSpec) -> int:
    replicate = (spec.replicate,) if spec.replicate else ()  # 0: as in suites without them
    return derive_seed("learner", spec.learner.name, spec.seed, *replicate)


@lru_cache(maxsize=4)
def _without_signal(dataset: Dataset, control: Control, seed: int) -> Transitions:
    return without_signal(dataset.transitions, control, stream("control", seed))


@lru_cache(maxsize=4)
def _open(dataset_id: str, codebook: CodebookSpec | None, reading: str) -> Dataset:
    return open_dataset(dataset_id, codebook, Reading.model_validate_json(reading))
