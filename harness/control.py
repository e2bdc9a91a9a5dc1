"""Control runs: reduce, train, evaluate policies in the environment."""

from __future__ import annotations

import time
from typing import cast

from envs import Dataset
from harness.api import reduce_seeded
from harness.errors import InputError
from harness.evaluation import evaluate
from harness.learners.protocol import Learner
from harness.records import Checkpoint, DatasetFacts, ReductionFacts, RunResult, Seconds
from harness.reduction import Reducer, Reduction
from harness.seeding import derive_seed
from harness.specs import RunSpec


def execute_control_run(
    spec: RunSpec, dataset: Dataset, reducer: Reducer, learner: Learner
) -> RunResult:
    """Reduce, train and evaluate at every checkpoint.

    Arms of one seed share the learner's and the evaluation's random streams, so that they are
    compared in pairs.
    """
    environment_id, facts = _dataset_facts(dataset)
    episodes = cast(int, spec.episodes)  # every control spec has them
    reduction = reduce_seeded(
        dataset.transitions, reducer, spec.size or len(dataset.transitions), spec.seed
    )
    learner_seed = derive_seed("learner", spec.learner.name, spec.seed)
    evaluation_seed = derive_seed("evaluation", environment_id, spec.seed) % 2**31
    checkpoints, evaluation_seconds = [], 0.0
    policies = learner.fit(reduction.transitions, learner_seed)  # imports what it needs, untimed
    started = time.perf_counter()
    for trained in policies:
        paused = time.perf_counter()
        returns = evaluate(trained.policy, environment_id, episodes, evaluation_seed)
        evaluation_seconds += time.perf_counter() - paused
        checkpoints.append(
            Checkpoint(step=trained.step, returns=tuple(returns), metrics=dict(trained.metrics))
        )
    training_seconds = time.perf_counter() - started - evaluation_seconds
    return RunResult(
        dataset=facts,
        reduction=_reduction_facts(reduction),
        learner_parameters=learner.model_dump(mode="json"),
        checkpoints=tuple(checkpoints),
        seconds=Seconds(
            reduction=reduction.seconds, training=training_seconds, evaluation=evaluation_seconds
        ),
    )


def _dataset_facts(dataset: Dataset) -> tuple[str, DatasetFacts]:
    """What evaluation and the record need of a dataset.

    Raises:
        InputError: If the dataset names no environment or no reference scores.
    """
    if (
        dataset.environment_id is None
        or dataset.reference_min is None
        or dataset.reference_max is None
    ):
        raise InputError(
            f"dataset {dataset.dataset_id!r} lacks an environment or reference scores: policies "
            "are evaluated in it and normalised by them; add environment_id, reference_min and "
            "reference_max to its metadata"
        )
    facts = DatasetFacts(
        environment_id=dataset.environment_id,
        rows=len(dataset.transitions),
        bytes=dataset.transitions.nbytes,
        content_hash=dataset.content_hash,
        reference_min=dataset.reference_min,
        reference_max=dataset.reference_max,
    )
    return dataset.environment_id, facts


def _reduction_facts(reduction: Reduction) -> ReductionFacts:
    return ReductionFacts(
        rows=len(reduction.transitions),
        bytes=reduction.transitions.nbytes,
        content_hash=reduction.transitions.content_hash(),
        synthetic=reduction.source_indices is None,
        parameters=dict(reduction.parameters),
        diagnostics=dict(reduction.diagnostics),
    )
