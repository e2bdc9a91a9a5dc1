"""Control runs: train on a reduction, and evaluate policies in the environment."""

from __future__ import annotations

import time
from typing import cast

import numpy as np

from envs.dataset import Dataset
from envs.environment import numbers_actions
from harness.core.errors import InputError
from harness.core.learner import Learner
from harness.core.records import (
    Checkpoint,
    DatasetFacts,
    MeasuredResult,
    Result,
    RunResult,
    Seconds,
)
from harness.core.reduction import Reduction
from harness.core.seeding import derive_seed
from harness.core.specs import RunSpec
from harness.distillation.sampled_regressors import identifiable
from harness.numerics.fresh_predictors import FreshPredictors
from harness.tasks.evaluation import evaluate
from harness.tasks.facts import reduction_facts
from harness.tasks.judges import FreshGap


def execute_control_run(
    spec: RunSpec, dataset: Dataset, reduction: Reduction, judge: Learner | FreshGap
) -> Result:
    """Judge a reduction of a dataset.

    A learner is judged by the returns of its policies at every checkpoint. Arms of one seed share
    the learner's and the evaluation's random streams, so that they are compared in pairs.
    """
    if isinstance(judge, FreshGap):
        return _fresh_gap_result(spec, dataset, reduction, judge)
    return _learner_result(spec, dataset, reduction, judge)


def _learner_result(
    spec: RunSpec, dataset: Dataset, reduction: Reduction, learner: Learner
) -> RunResult:
    environment_id = check_evaluable(dataset)
    episodes = cast(int, spec.episodes)  # every control spec has them
    replicate = (spec.replicate,) if spec.replicate else ()  # the first is the seed's own run
    learner_seed = derive_seed("learner", spec.learner.name, spec.seed, *replicate)
    evaluation_seed = derive_seed("evaluation", environment_id, spec.seed) % 2**31
    checkpoints, evaluation_seconds = [], 0.0
    policies = learner.fit(reduction.transitions, learner_seed)  # imports what it needs, untimed
    started = time.perf_counter()
    for trained in policies:
        paused = time.perf_counter()
        policy = dataset.codebook.wrap(trained.policy) if dataset.codebook else trained.policy
        returns = evaluate(policy, environment_id, episodes, evaluation_seed)
        evaluation_seconds += time.perf_counter() - paused
        checkpoints.append(
            Checkpoint(step=trained.step, returns=tuple(returns), metrics=dict(trained.metrics))
        )
    training_seconds = time.perf_counter() - started - evaluation_seconds
    return RunResult(
        dataset=_dataset_facts(dataset),
        reduction=reduction_facts(reduction),
        learner_parameters=learner.model_dump(mode="json"),
        checkpoints=tuple(checkpoints),
        seconds=Seconds(
            reduction=reduction.seconds, training=training_seconds, evaluation=evaluation_seconds
        ),
    )


def _fresh_gap_result(
    spec: RunSpec, dataset: Dataset, reduction: Reduction, judge: FreshGap
) -> MeasuredResult:
    facts = _dataset_facts(dataset)  # untimed: it may replay episodes
    started = time.perf_counter()
    full, discount = dataset.transitions, cast(float, spec.discount)
    fresh = FreshPredictors.draw(full, judge.actions, discount, judge.predictors)
    gaps = fresh.gaps(reduction.transitions)
    details = {
        "percentile_95": float(np.quantile(gaps, 0.95)),
        "largest": float(gaps.max()),
        "dimension": float(full.obs_dim),
        # Numbers of a product predictor with its λ.
        "identifiable": float(identifiable(full.action_count * (full.obs_dim + 1) + 1)),
    }
    return MeasuredResult(
        dataset=facts,
        reduction=reduction_facts(reduction),
        learner_parameters=judge.model_dump(mode="json"),
        metric="fresh gap",
        value=float(np.median(gaps)),
        details=details,
        seconds=Seconds(
            reduction=reduction.seconds, training=0.0, evaluation=time.perf_counter() - started
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


def _dataset_facts(dataset: Dataset) -> DatasetFacts:
    return DatasetFacts(
        environment_id=dataset.environment_id,
        rows=len(dataset.transitions),
        bytes=dataset.transitions.nbytes,
        content_hash=dataset.content_hash,
        reference_min=dataset.reference_min,
        reference_max=dataset.reference_max,
        quantisation=dataset.quantisation,
    )
