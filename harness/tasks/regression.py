"""Regression runs: learn from a reduction of the training part, and judge on the test part."""

from __future__ import annotations

import time

import numpy as np

from envs.regression.datasets import Split
from harness.core.learner import Predictor, RegressionLearner
from harness.core.records import DatasetFacts, MeasuredResult, Seconds
from harness.core.regression_set import RegressionReduction, RegressionSet
from harness.core.seeding import derive_seed
from harness.core.specs import RunSpec
from harness.distillation.sampled_regressors import identifiable
from harness.numerics.certificates.regression import regression_certificate, regression_moments
from harness.tasks.facts import reduction_facts
from harness.tasks.judges import WorstCase


def execute_regression_run(
    spec: RunSpec,
    parts: Split,
    reduction: RegressionReduction,
    judge: RegressionLearner | WorstCase,
) -> MeasuredResult:
    """Judge a reduction of the training part of a split.

    A learner is judged by its mean squared error on the test part, in the target's own units; the
    worst case by the loss gap on the standardised training part. All arms of one seed share the
    split and the learner's random stream.
    """
    if isinstance(judge, WorstCase):
        return _worst_case_result(parts.train, reduction)
    return _learner_result(parts, reduction, judge, derive_seed("learner", judge.name, spec.seed))


def _learner_result(
    parts: Split, reduction: RegressionReduction, learner: RegressionLearner, seed: int
) -> MeasuredResult:
    started = time.perf_counter()
    predictor = learner.fit(reduction.data, seed)
    trained = time.perf_counter()
    unit = parts.target_scale**2
    errors = {
        "test": unit * mean_squared_error(predictor, parts.test),
        "training": unit * mean_squared_error(predictor, parts.train),
    }
    return MeasuredResult(
        dataset=_dataset_facts(parts.train),
        reduction=reduction_facts(reduction),
        learner_parameters=learner.model_dump(mode="json"),
        metric="test MSE",
        value=errors["test"],
        details={"training_mse": errors["training"], "test_rows": float(len(parts.test))},
        seconds=Seconds(
            reduction=reduction.seconds,
            training=trained - started,
            evaluation=time.perf_counter() - trained,
        ),
    )


def _worst_case_result(train: RegressionSet, reduction: RegressionReduction) -> MeasuredResult:
    started = time.perf_counter()
    moments = regression_moments(train)
    certificate = regression_certificate(moments, regression_moments(reduction.data))
    dimension = train.features.shape[1] + 1
    details = {
        "dimension": float(dimension - 1),
        "identifiable": float(identifiable(dimension)),
        "relative_gap": certificate.relative_gap,
        "training_scale": float(np.linalg.norm(moments.second_moment, 2)),
    }
    return MeasuredResult(
        dataset=_dataset_facts(train),
        reduction=reduction_facts(reduction),
        learner_parameters={},
        metric="worst-case gap",
        value=certificate.worst_gap,
        details=details | _predictors(reduction),
        seconds=Seconds(
            reduction=reduction.seconds, training=0.0, evaluation=time.perf_counter() - started
        ),
    )


def _predictors(reduction: RegressionReduction) -> dict[str, float]:
    """How many regressors the reduction has matched, if it says so."""
    diagnostics = reduction.diagnostics
    return {"predictors": diagnostics["predictors"]} if "predictors" in diagnostics else {}


def mean_squared_error(predictor: Predictor, data: RegressionSet) -> float:
    """Weighted mean squared error of a predictor on a set."""
    residuals = predictor.predict(data.features) - data.targets
    return float(data.shares @ residuals**2)


def _dataset_facts(train: RegressionSet) -> DatasetFacts:
    return DatasetFacts(rows=len(train), bytes=train.nbytes, content_hash=train.content_hash())
