"""The regression task: learners are evaluated by their error on a test split."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import ClassVar

from envs.regression.datasets import (
    Split,
    Tabular,
    is_to_be_had,
    last_changed,
    open_tabular,
    split,
)
from harness.core.learner import Predictor, RegressionLearner
from harness.core.records import DatasetFacts, MeasuredResult, Seconds
from harness.core.reduction import Reduction
from harness.core.regression_set import RegressionSet
from harness.core.seeding import derive_seed
from harness.core.specs import RunSpec
from harness.tasks.base import Task, reduction_facts
from harness.tasks.builtin import REGRESSION_LEARNERS, REGRESSION_REDUCERS


class RegressionTask(Task[Tabular, RegressionSet]):
    """Regression: the training split is reduced, and predictions evaluated on the test split."""

    name: ClassVar[str] = "regression"
    reducers = REGRESSION_REDUCERS
    learners = REGRESSION_LEARNERS

    def open(self, spec: RunSpec) -> Tabular:
        """Open the dataset of a run."""
        return _open(spec.dataset, last_changed(spec.dataset))

    def hash(self, source: Tabular, seed: int) -> str:
        """Hash the training split."""
        return _train_hash(source, seed)

    def last_changed(self, dataset: str) -> int | None:
        """Return when a file last changed, 0 for what is embedded; None: it is to be had first."""
        return last_changed(dataset)

    def is_to_be_had(self, dataset: str) -> bool:
        """Whether a published set would be asked of OpenML."""
        return is_to_be_had(dataset)

    def rows(self, source: Tabular, seed: int) -> RegressionSet:
        """Return the training split."""
        return _split(source, seed).train

    def facts(self, source: Tabular, seed: int) -> DatasetFacts:
        """Return the facts about the training split that a record keeps."""
        train = self.rows(source, seed)
        return DatasetFacts(
            rows=len(train), bytes=train.nbytes, content_hash=_train_hash(source, seed)
        )

    def train(
        self,
        spec: RunSpec,
        source: Tabular,
        reduction: Reduction[RegressionSet],
        learner: RegressionLearner,
    ) -> MeasuredResult:
        """Train on a reduction, and measure the test error in the target's original units.

        All methods of one seed share the split and the learner's random stream.
        """
        parts = _split(source, spec.seed)
        started = time.perf_counter()
        predictor = learner.fit(reduction.rows, derive_seed("learner", learner.name, spec.seed))
        trained = time.perf_counter()
        unit = parts.target_scale**2
        test_error = unit * mean_squared_error(predictor, parts.test)
        training_error = unit * mean_squared_error(predictor, parts.train)
        return MeasuredResult(
            dataset=self.facts(source, spec.seed),
            reduction=reduction_facts(reduction),
            learner_parameters=learner.model_dump(mode="json"),
            metric="test MSE",
            value=test_error,
            details={"training_mse": training_error, "test_rows": float(len(parts.test))},
            seconds=Seconds(
                reduction=reduction.seconds,
                training=trained - started,
                evaluation=time.perf_counter() - trained,
            ),
        )


def mean_squared_error(predictor: Predictor, data: RegressionSet) -> float:
    """Weighted mean squared error of a predictor on a set."""
    residuals = predictor.predict(data.features) - data.targets
    return float(data.shares @ residuals**2)


@lru_cache(maxsize=256)
def _train_hash(tabular: Tabular, seed: int) -> str:
    return _split(tabular, seed).train.content_hash()


@lru_cache(maxsize=4)
def _split(tabular: Tabular, seed: int) -> Split:
    return split(tabular, seed)


@lru_cache(maxsize=4)
def _open(dataset_id: str, changed: int | None) -> Tabular:  # noqa: ARG001 - see control's
    return open_tabular(dataset_id)
