"""Control: learners are judged by the returns of their policies in the environment."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, cast

from envs.dataset import Dataset
from envs.environment import numbers_actions, register_environment
from envs.loading import open_dataset
from harness.core.class_specs import ReducerSpec
from harness.core.errors import InputError
from harness.core.learner import Learner
from harness.core.records import Checkpoint, DatasetFacts, RunResult, Seconds
from harness.core.reduction import Reducer, Reduction
from harness.core.seeding import derive_seed
from harness.core.specs import CodebookSpec, RunSpec
from harness.core.transitions import Transitions
from harness.tasks.base import Task, reduction_facts
from harness.tasks.builtin import LEARNERS, REDUCERS
from harness.tasks.evaluation import evaluate
from harness.tasks.labelling import label_by


class ControlTask(Task[Dataset, Transitions]):
    """Transitions are reduced; learners yield policies, which are evaluated in the environment."""

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
        return label_by(reducer, spec.name, spec.labels, cast(float, discount))

    def open(self, spec: RunSpec) -> Dataset:
        """Open the dataset of a run, its environment replaced where the run names another."""
        return _open(spec.dataset, spec.codebook, spec.environment)

    def hash(self, source: Dataset, seed: int) -> str:  # noqa: ARG002
        """Hash the transitions, which are the same for every seed."""
        return source.content_hash

    def rows(self, source: Dataset, seed: int) -> Transitions:  # noqa: ARG002
        """Return all transitions."""
        return source.transitions

    def facts(self, source: Dataset, seed: int) -> DatasetFacts:  # noqa: ARG002
        """Say what a record keeps of the dataset; with a codebook it replays episodes."""
        return DatasetFacts(
            environment_id=source.environment_id,
            rows=len(source.transitions),
            bytes=source.transitions.nbytes,
            content_hash=source.content_hash,
            reference_min=source.reference_min,
            reference_max=source.reference_max,
            quantisation=source.quantisation,
        )

    def check_trainable(self, source: Dataset) -> None:
        """Ask for an environment in which policies can be evaluated; see `check_evaluable`."""
        check_evaluable(source)

    def train(
        self, spec: RunSpec, source: Dataset, reduction: Reduction[Transitions], learner: Learner
    ) -> RunResult:
        """Train on a reduction, and evaluate the policy of every checkpoint.

        Arms of one seed share the learner's and the evaluation's random streams, so that they are
        compared in pairs.
        """
        environment_id = check_evaluable(source)
        episodes = cast(int, spec.episodes)  # every control spec has them
        evaluation_seed = derive_seed("evaluation", environment_id, spec.seed) % 2**31
        checkpoints, evaluation_seconds = [], 0.0
        policies = learner.fit(reduction.rows, _learner_seed(spec))  # imports, untimed
        started = time.perf_counter()
        for trained in policies:
            paused = time.perf_counter()
            policy = source.codebook.wrap(trained.policy) if source.codebook else trained.policy
            returns = evaluate(policy, environment_id, episodes, evaluation_seed)
            evaluation_seconds += time.perf_counter() - paused
            checkpoints.append(
                Checkpoint(step=trained.step, returns=tuple(returns), metrics=dict(trained.metrics))
            )
        training_seconds = time.perf_counter() - started - evaluation_seconds
        return RunResult(
            dataset=self.facts(source, spec.seed),
            reduction=reduction_facts(reduction),
            learner_parameters=learner.model_dump(mode="json"),
            checkpoints=tuple(checkpoints),
            seconds=Seconds(
                reduction=reduction.seconds,
                training=training_seconds,
                evaluation=evaluation_seconds,
            ),
        )


def check_evaluable(dataset: Dataset) -> str:
    """Return the environment in which policies are evaluated.

    Raises:
        InputError: If the dataset names no environment or no reference scores, the environment
            cannot be made, or its actions are not the dataset's.
    """
    missing = dataset.reference_min is None or dataset.reference_max is None
    if dataset.environment_id is None or missing:
        raise InputError(
            f"dataset {dataset.dataset_id!r} lacks an environment or reference scores: policies "
            "are evaluated in it and normalised by them; add environment_id, reference_min and "
            "reference_max to its metadata"
        )
    if numbers_actions(dataset.environment_id) != (dataset.codebook is None):
        acts = "continuous" if dataset.codebook is None else "numbered"
        raise InputError(
            f"dataset {dataset.dataset_id!r}: {dataset.environment_id} takes {acts} actions, which "
            "its numbers do not stand for; reduce the dataset of the environment's own actions "
            "again, or correct environment_id"
        )
    return dataset.environment_id


def _learner_seed(spec: RunSpec) -> int:
    replicate = (spec.replicate,) if spec.replicate else ()  # the first is the seed's own run
    return derive_seed("learner", spec.learner.name, spec.seed, *replicate)


@lru_cache(maxsize=4)
def _open(dataset_id: str, codebook: CodebookSpec | None, environment: str | None) -> Dataset:
    dataset = open_dataset(dataset_id, codebook)
    if environment is None:
        return dataset
    return replace(dataset, environment_id=register_environment(environment))
