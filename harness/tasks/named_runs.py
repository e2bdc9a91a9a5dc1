"""Runs by name: where names meet datasets, reductions and learners, each made once a process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import cast

from pydantic import BaseModel

from envs.dataset import Dataset
from envs.loading import open_dataset
from envs.regression.datasets import Split, Tabular, open_tabular, split
from harness.api import reduce_regression_seeded, reduce_seeded
from harness.core.errors import InputError
from harness.core.learner import Learner
from harness.core.records import Result, RunRecord
from harness.core.reduction import Reduction
from harness.core.regression_set import RegressionReduction
from harness.core.specs import CodebookSpec, LearnerSpec, ReducerSpec, RunSpec, Suite
from harness.execution.cache import AnyReduction, cache_key, fetch, in_rows
from harness.learners.regressors import REGRESSION_LEARNERS
from harness.tasks.builtin import (
    LEARNERS,
    REGRESSION_REDUCERS,
    make_judge,
    make_reducer,
    make_regression_judge,
    make_regression_reducer,
)
from harness.tasks.control import check_evaluable, execute_control_run
from harness.tasks.regression import execute_regression_run

Source = Dataset | Tabular


def execute_named(
    spec: RunSpec,
    source: Source | None = None,
    reduction: AnyReduction | None = None,
    cache: Path | None = None,
) -> Result:
    """Execute a run whose dataset, reducer and learner are given by name.

    Args:
        spec: The run.
        source: Its dataset, opened elsewhere; None: it is opened here.
        reduction: The dataset's, made elsewhere; None: it is made here.
        cache: The folder of reductions made before; None: it is not looked for.
    """
    source = source or open_source(spec)
    reduction = reduction or reduce_named(spec, source, cache)
    learner = spec.learner
    if isinstance(source, Tabular):
        return execute_regression_run(
            spec,
            _split(source, spec.seed),
            cast(RegressionReduction, reduction),
            make_regression_judge(learner.name, learner.parameters),
        )
    return execute_control_run(
        spec,
        source,
        cast(Reduction, reduction),
        make_judge(learner.name, spec.discount, learner.parameters),
    )


def reduce_named(spec: RunSpec, source: Source, cache: Path | None = None) -> AnyReduction:
    """Make the reduction of a run, once a process for all runs of it.

    Args:
        spec: The run.
        source: Its dataset.
        cache: A folder in which it is looked for, and kept for other processes if that is worth
            it; None: it is made.
    """
    reducer = spec.reducer.model_dump_json()
    if isinstance(source, Tabular):
        return _regression_reduction(source, reducer, spec.size, spec.seed, cache)
    return _reduction(source, reducer, spec.size, spec.seed, spec.discount, cache)


def prepare(spec: RunSpec) -> None:
    """Import what a run's learner needs, before its time is measured and limited.

    Raises:
        InputError: If it has no such learner.
    """
    if spec.task == "control":
        judge = make_judge(spec.learner.name, spec.discount, spec.learner.parameters)
        if isinstance(judge, Learner):
            judge.prepare()


def open_source(spec: RunSpec) -> Source:
    """Open the dataset of a run, once a process.

    Raises:
        InputError: If it cannot be used.
    """
    if spec.task == "regression":
        return _tabular(spec.dataset)
    return _dataset(spec.dataset, spec.codebook)


def source_hash(spec: RunSpec) -> str:
    """Hash what a run's record calls its dataset: in regression the training part.

    Raises:
        InputError: If the dataset cannot be used.
    """
    source = open_source(spec)
    return _train_hash(source, spec.seed) if isinstance(source, Tabular) else source.content_hash


def check_same_data(suite: Suite, records: Iterable[RunRecord]) -> None:
    """Refuse to add to records of other data than a suite's datasets hold now.

    Raises:
        InputError: Naming the first such record.
    """
    for record in records:
        spec, result = record.spec, record.result
        if result is None or spec.task != suite.task or spec.dataset not in suite.datasets:
            continue
        then, now = result.dataset.content_hash, source_hash(spec)
        if then != now:
            raise InputError(
                f"dataset {spec.dataset!r} has hash {now}, and record {record.run_id} is of data "
                f"with hash {then}: results on two versions of a dataset cannot share a folder; "
                "choose another --results or bring the old data back"
            )


def check_same_parameters(suite: Suite, records: Iterable[RunRecord]) -> None:
    """Refuse to add to records whose parameters were others, by a default that has changed since.

    What a suite itself says is compared where it is resumed. Parameters that came or went since
    a record are not compared.

    Raises:
        InputError: Naming the first such record and parameter, or a name or parameter of the suite
            that cannot be used.
    """
    now = {_key(spec): model.model_dump(mode="json") for spec, model in _models(suite)}
    for record in records:
        if record.result is None:
            continue
        for spec, then in (
            (record.spec.reducer, record.result.reduction.parameters),
            (record.spec.learner, record.result.learner_parameters),
        ):
            made = now.get(_key(spec), {})
            for name in sorted(made.keys() & then.keys()):
                if made[name] != then[name]:
                    raise InputError(
                        f"{spec.label!r} now has {name} = {made[name]!r}, and record "
                        f"{record.run_id} was made with {then[name]!r}: two protocols cannot share "
                        f"a folder; name {name} in the suite or choose another --results"
                    )


def _models(suite: Suite) -> Iterator[tuple[ReducerSpec | LearnerSpec, BaseModel]]:
    """What the reducers and learners of a suite stand for."""
    regression = suite.task == "regression"
    for reducer in suite.reducers:
        name, parameters = reducer.name, reducer.parameters
        if regression:
            yield reducer, make_regression_reducer(name, parameters)
        else:
            yield reducer, make_reducer(name, suite.discount, parameters)
    for learner in suite.learners:
        name, parameters = learner.name, learner.parameters
        if regression:
            yield learner, make_regression_judge(name, parameters)
        else:
            yield learner, make_judge(name, suite.discount, parameters)


def _key(spec: ReducerSpec | LearnerSpec) -> str:
    return spec.model_dump_json(include={"name", "label", "parameters"})


def check_names(suite: Suite) -> None:
    """Build every reducer and learner once, so that no wrong name is met in the middle.

    Raises:
        InputError: If a name or a parameter is unknown, or a value breaks its rule.
    """
    list(_models(suite))
    trained = {learner.name in {**LEARNERS, **REGRESSION_LEARNERS} for learner in suite.learners}
    if len(trained) > 1:
        raise InputError(
            f"suite {suite.name!r} mixes learners and judges, whose results cannot be compared: "
            "give each a suite of its own"
        )


def check_runnable(suite: Suite) -> None:
    """Open every dataset, collecting it if need be, and look for what reducers need.

    Raises:
        InputError: If a dataset cannot be used, or policies trained on it not evaluated, a size
            exceeds one, or a reducer lacks a library or episodes.
    """
    for reducer in suite.reducers:
        if suite.task == "regression":
            REGRESSION_REDUCERS[reducer.name].check_installed()
    trains = any(learner.name in LEARNERS for learner in suite.learners)
    for dataset_id in suite.datasets:
        if suite.task == "regression":
            available = len(_split(_tabular(dataset_id), suite.seeds[0]).train)
        else:
            transitions = _dataset(dataset_id, suite.codebook).transitions
            available = len(transitions)
            for reducer in suite.reducers:
                made = make_reducer(reducer.name, suite.discount, reducer.parameters)
                made.check_usable(transitions)
            if trains:
                check_evaluable(_dataset(dataset_id, suite.codebook))
        if max(suite.sizes) > available:
            raise InputError(
                f"size {max(suite.sizes)} in suite {suite.name!r}: {dataset_id!r} has only "
                f"{available} rows to reduce; lower the size"
            )


# A dataset is its own key: two of one name and different content are two objects.
@lru_cache(maxsize=16)
def _reduction(
    dataset: Dataset,
    reducer: str,
    size: int | None,
    seed: int,
    discount: float | None,
    cache: Path | None,
) -> Reduction:
    spec, full = ReducerSpec.model_validate_json(reducer), dataset.transitions
    made, rows = make_reducer(spec.name, discount, spec.parameters), size or len(full)

    def make() -> Reduction:
        return in_rows(reduce_seeded(full, made, rows, seed))

    key = cache and cache_key(made, full, rows, seed)
    return fetch(cache, key, make, Reduction) if cache and key else make()


@lru_cache(maxsize=16)
def _regression_reduction(
    tabular: Tabular, reducer: str, size: int | None, seed: int, cache: Path | None
) -> RegressionReduction:
    spec, train = ReducerSpec.model_validate_json(reducer), _split(tabular, seed).train
    made, rows = make_regression_reducer(spec.name, spec.parameters), size or len(train)

    def make() -> RegressionReduction:
        return in_rows(reduce_regression_seeded(train, made, rows, seed))

    key = cache and cache_key(made, train, rows, seed)
    return fetch(cache, key, make, RegressionReduction) if cache and key else make()


@lru_cache(maxsize=256)
def _train_hash(tabular: Tabular, seed: int) -> str:
    return _split(tabular, seed).train.content_hash()


@lru_cache(maxsize=4)
def _split(tabular: Tabular, seed: int) -> Split:
    return split(tabular, seed)


@lru_cache(maxsize=4)
def _dataset(dataset_id: str, codebook: CodebookSpec | None) -> Dataset:
    return open_dataset(dataset_id, codebook)


@lru_cache(maxsize=4)
def _tabular(dataset_id: str) -> Tabular:
    return open_tabular(dataset_id)
