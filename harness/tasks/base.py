"""The base class of tasks: a run reduces a dataset, trains on the result and evaluates."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel

from harness.core.classes.environments import EnvironmentSpec
from harness.core.classes.registry import Registry
from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.errors import InputError, blaming, is_own, naming
from harness.core.metric import ReductionMetric
from harness.core.records import DatasetFacts, MeasuredResult, ReductionFacts, Result, Seconds
from harness.core.reduction import Reducer, Reduction, check_usable, reduce_seeded
from harness.core.rows import RowsT, private_copy
from harness.core.specs import RunSpec, Suite
from harness.execution.cache import cache_key, fetch, in_rows, results_folder
from harness.execution.kept_sets import find_set
from harness.tasks.teachers.fitting import teachers_of

SourceT = TypeVar("SourceT")


class Task(ABC, Generic[SourceT, RowsT]):
    """A task: how its datasets are opened, what is reduced, and how learners are evaluated.

    A source is an opened dataset. Sources and reductions are made once per process.
    """

    name: ClassVar[str]
    reducers: ClassVar[Registry[Any]]
    learners: ClassVar[Registry[Any]]  # and the metrics that take a learner's place

    @abstractmethod
    def open(self, spec: RunSpec) -> SourceT:
        """Open the dataset of a run.

        Raises:
            InputError: If it cannot be used.
        """

    def warn(self, spec: RunSpec) -> None:
        """Log what is wrong with the dataset of a run; called once for each dataset of a suite."""

    @abstractmethod
    def hash(self, source: SourceT, seed: int) -> str:
        """Hash of the data that a run of this seed reduces, as in its record."""

    @abstractmethod
    def last_changed(self, dataset: str) -> int | None:
        """Return when a dataset that is here last changed, in nanoseconds; None: it is not here."""

    @abstractmethod
    def is_to_be_had(self, dataset: str) -> bool:
        """Whether a dataset is not here, and would be collected or downloaded to be opened."""

    def environment(self, source: SourceT) -> EnvironmentSpec | None:  # noqa: ARG002
        """Return where policies are evaluated; None: there are none."""
        return None

    @abstractmethod
    def rows(self, source: SourceT, seed: int) -> RowsT:
        """Return the data that a run of this seed reduces."""

    def arm_rows(self, spec: ReducerSpec, source: SourceT, seed: int) -> RowsT:  # noqa: ARG002
        """Return the data that a run of this arm and seed reduces: those of a control differ."""
        return self.rows(source, seed)

    def measured_rows(self, spec: RunSpec, source: SourceT) -> RowsT:
        """Return the full data that a metric compares a reduction with, labelled as it is."""
        return self.arm_rows(spec.reducer, source, spec.seed)

    @abstractmethod
    def facts(self, source: SourceT, seed: int) -> DatasetFacts:
        """Return the facts about the dataset that a record keeps."""

    @abstractmethod
    def train(
        self, spec: RunSpec, source: SourceT, reduction: Reduction[RowsT], learner: Any
    ) -> Result:
        """Train a learner on a reduction, and evaluate it."""

    def check_learnable(self, learner: Any, rows: RowsT) -> None:
        """Check that a learner or metric can use the rows of a dataset; by default any can.

        Raises:
            InputError: If it cannot.
        """

    def check_trainable(self, source: SourceT) -> None:
        """Check that learners trained on a dataset can be evaluated.

        Raises:
            InputError: If something is missing.
        """

    def prepare(self, spec: RunSpec) -> None:
        """Import the libraries of a run's learners, before its time is measured and limited.

        Raises:
            InputError: If there is no such learner or reducer.
        """
        reducer = self.make_reducer(spec.reducer, spec.discount)
        for part in (self.make_learner(spec.learner, spec.discount), *reducer.parts()):
            prepare = getattr(part, "prepare", None)
            if prepare is not None:
                prepare()

    def make_reducer(self, spec: ReducerSpec, discount: float | None) -> Reducer[RowsT]:
        """Build a reducer; ``discount`` is passed on to those that have that parameter.

        Raises:
            InputError: If the name or a parameter is unknown, or a value breaks its rule.
        """
        made = self.reducers.make(spec.name, spec.parameters, discount=discount)
        return cast(Reducer[RowsT], made)

    def make_learner(self, spec: LearnerSpec, discount: float | None) -> Any:
        """Build a learner or metric; ``discount`` is passed on to those that have that parameter.

        Raises:
            InputError: If the name or a parameter is unknown, or a value breaks its rule.
        """
        return self.learners.make(spec.name, spec.parameters, discount=discount)

    def run(
        self,
        spec: RunSpec,
        source: SourceT | None = None,
        reduction: Reduction[RowsT] | None = None,
        cache: Path | None = None,
    ) -> Result:
        """Execute a run.

        Args:
            spec: The run.
            source: Its dataset, if already open; None: it is opened here.
            reduction: Its reduction, if already made; None: it is made here.
            cache: The folder of cached reductions; None: no cache.
        """
        source = self.open(spec) if source is None else source
        with teachers_of(spec.dataset, cache):
            reduction = self.reduce(spec, source, cache) if reduction is None else reduction
            judge = self.make_learner(spec.learner, spec.discount)
            if isinstance(judge, ReductionMetric):
                return self._measure(spec, source, reduction, judge)
            return self._train_apart(spec, source, reduction, judge)

    def reduce(self, spec: RunSpec, source: SourceT, cache: Path | None = None) -> Reduction[RowsT]:
        """Make the reduction of a run, once per process for all runs that share it.

        Args:
            spec: The run.
            source: Its dataset.
            cache: The folder of cached reductions, in which it is looked up, and stored if it took
            long; None: no cache.
        """
        reducer = spec.reducer.model_dump_json()
        with teachers_of(spec.dataset, cache):
            found = _reduce_once(self, source, reducer, spec.size, spec.seed, spec.discount, cache)
        return cast("Reduction[RowsT]", found)

    def check_names(self, suite: Suite) -> None:
        """Build every reducer and learner once, so that a wrong name fails before the first run.

        Raises:
            InputError: If a name or a parameter is unknown, a value breaks its rule, or learners
                and metrics are mixed.
        """
        models = self.models(suite)
        judges = [models[model_key(learner)] for learner in suite.learners]
        metrics = {isinstance(judge, ReductionMetric) for judge in judges}
        if len(metrics) > 1:
            raise InputError(
                f"suite {suite.name!r} mixes learners and metrics, whose results are not "
                "comparable: give each its own suite"
            )

    def check(self, suite: Suite, leave_out: Collection[str] = ()) -> None:
        """Open every dataset, collecting it if needed, and check that each reducer can use it.

        Args:
            suite: The suite.
            leave_out: Datasets that are not opened.

        Raises:
            InputError: If a dataset cannot be used, learners trained on it cannot be evaluated, a
            size exceeds a dataset, or a reducer lacks a library or episodes.
        """
        reducers = [self.make_reducer(spec, suite.discount) for spec in suite.reducers]
        learners = [self.make_learner(spec, suite.discount) for spec in suite.learners]
        for spec in _one_run_a_dataset(suite):
            if spec.dataset in leave_out:
                continue
            source = self.open(spec)
            rows = self.rows(source, spec.seed)
            for reducer, arm in zip(reducers, suite.reducers, strict=True):
                if arm.datasets is None or spec.dataset in arm.datasets:
                    _check_usable(reducer, self.arm_rows(arm, source, spec.seed), spec.dataset)
            for learner, judge in zip(learners, suite.learners, strict=True):
                if judge.datasets is None or spec.dataset in judge.datasets:
                    self.check_learnable(learner, rows)
            if not all(isinstance(learner, ReductionMetric) for learner in learners):
                self.check_trainable(source)
            if max(suite.sizes) > len(rows):
                raise InputError(
                    f"size {max(suite.sizes)} in suite {suite.name!r}: {spec.dataset!r} has only "
                    f"{len(rows)} rows to reduce; lower the size"
                )
            self.warn(spec)

    def models(self, suite: Suite) -> dict[str, BaseModel]:
        """Build the reducers and learners of a suite, by `model_key`.

        Raises:
            InputError: If a name or a parameter is unknown, or a value breaks its rule.
        """
        reducers = {
            model_key(spec): self.make_reducer(spec, suite.discount) for spec in suite.reducers
        }
        learners = {
            model_key(spec): self.make_learner(spec, suite.discount) for spec in suite.learners
        }
        return reducers | learners

    def _train_apart(
        self, spec: RunSpec, source: SourceT, reduction: Reduction[RowsT], learner: Any
    ) -> Result:
        """Train a learner; one of the user's on rows of its own, lest it change those of others.

        Raises:
            InputError: If it changes them.
        """
        if is_own(type(learner)):
            return self.train(spec, source, reduction, learner)
        rows = private_copy(reduction.rows, type(learner))
        result = self.train(spec, source, replace(reduction, rows=rows), learner)
        if result.reduction.content_hash != reduction.rows.content_hash():
            raise InputError(
                f"learner {spec.learner.label!r} changes the rows that it is given: they must stay "
                "as they are; let it copy what it changes"
            )
        return result

    def _measure(
        self,
        spec: RunSpec,
        source: SourceT,
        reduction: Reduction[RowsT],
        metric: ReductionMetric[RowsT],
    ) -> MeasuredResult:
        facts = self.facts(source, spec.seed)  # not timed: it may play episodes
        full = private_copy(self.measured_rows(spec, source), type(metric))
        started = time.perf_counter()
        value, details = metric.measure(full, reduction, spec.discount)
        return MeasuredResult(
            dataset=facts,
            reduction=reduction_facts(reduction),
            learner_parameters=metric.model_dump(mode="json"),
            metric=metric.metric,
            value=value,
            details=details,
            seconds=Seconds(
                reduction=reduction.seconds,
                training=0.0,
                evaluation=time.perf_counter() - started,
            ),
        )


def reduction_facts(reduction: Reduction[Any]) -> ReductionFacts:
    """Count, hash and describe the reduced rows."""
    return ReductionFacts(
        rows=len(reduction.rows),
        bytes=reduction.rows.nbytes,
        content_hash=reduction.rows.content_hash(),
        synthetic=reduction.source_indices is None,
        parameters=dict(reduction.parameters),
        diagnostics=dict(reduction.diagnostics),
    )


# A dataset is its own cache key: one name with different content gives two objects.
@lru_cache(maxsize=16)
def _reduce_once(
    task: Task[Any, Any],
    source: Any,
    reducer_json: str,
    size: int | None,
    seed: int,
    discount: float | None,
    cache: Path | None,
) -> Reduction[Any]:
    spec = ReducerSpec.model_validate_json(reducer_json)
    rows = task.arm_rows(spec, source, seed)
    reducer = task.make_reducer(spec, discount)
    count = size or len(rows)
    make = partial(reduce_seeded, rows, reducer, count, seed)
    key = cache and cache_key(reducer, rows, count, seed)
    if not cache or not key:
        return in_rows(make())
    kept = find_set(results_folder(cache), reducer, rows, count, seed)
    return in_rows(kept) if kept else fetch(cache, key, make, type(rows))


def model_key(spec: ReducerSpec | LearnerSpec) -> str:
    """Identify a reducer or learner of a suite by what it is made of."""
    return spec.model_dump_json(include={"name", "label", "parameters", "labels", "control"})


def _one_run_a_dataset(suite: Suite) -> Iterator[RunSpec]:
    seen: set[str] = set()
    for spec in suite.runs():
        if spec.dataset not in seen:
            seen.add(spec.dataset)
            yield spec


def _check_usable(reducer: Reducer[Any], rows: Any, dataset: str) -> None:
    failed = f"method {reducer.name!r} cannot be used: its check_usable failed"
    with naming(dataset):
        reducer.check_actions(rows)
    with blaming(failed, "correct the class"):
        check_usable(reducer, rows)
