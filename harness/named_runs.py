"""Runs by name: where names meet datasets, reductions and learners, each made once a process."""

from __future__ import annotations

from functools import lru_cache

from envs import Dataset, open_dataset
from envs.tabular import Split, Tabular, open_tabular, split
from harness.api import reduce_regression_seeded, reduce_seeded
from harness.control import check_evaluable, execute_control_run
from harness.errors import InputError
from harness.learners.regression import REGRESSION_LEARNERS
from harness.records import Result
from harness.reduction import Reduction
from harness.registry import (
    LEARNERS,
    REGRESSION_REDUCERS,
    make_judge,
    make_reducer,
    make_regression_judge,
    make_regression_reducer,
)
from harness.regression import RegressionReduction
from harness.regression_runs import execute_regression_run
from harness.specs import ReducerSpec, RunSpec, Suite

Source = Dataset | Tabular


def execute_named(spec: RunSpec, source: Source | None = None) -> Result:
    """Execute a run whose dataset, reducer and learner are given by name.

    Args:
        spec: The run.
        source: Its dataset, opened elsewhere; None: it is opened here.
    """
    source = source or open_source(spec)
    learner, reducer = spec.learner, spec.reducer.model_dump_json()
    if isinstance(source, Tabular):
        reduction = _regression_reduction(source, reducer, spec.size, spec.seed)
        judge = make_regression_judge(learner.name, learner.parameters)
        return execute_regression_run(spec, _split(source, spec.seed), reduction, judge)
    return execute_control_run(
        spec,
        source,
        _reduction(source, reducer, spec.size, spec.seed, spec.discount),
        make_judge(learner.name, spec.discount, learner.parameters),
    )


def open_source(spec: RunSpec) -> Source:
    """Open the dataset of a run, once a process.

    Raises:
        InputError: If it cannot be used.
    """
    return _tabular(spec.dataset) if spec.task == "regression" else _dataset(spec.dataset)


def source_hash(spec: RunSpec) -> str:
    """Hash what a run's record calls its dataset: in regression the training part.

    Raises:
        InputError: If the dataset cannot be used.
    """
    source = open_source(spec)
    if isinstance(source, Tabular):
        return _split(source, spec.seed).train.content_hash()
    return source.content_hash


def check_names(suite: Suite) -> None:
    """Build every reducer and learner once, so that no wrong name is met in the middle.

    Raises:
        InputError: If a name or a parameter is unknown, or a value breaks its rule.
    """
    for reducer in suite.reducers:
        if suite.task == "regression":
            make_regression_reducer(reducer.name, reducer.parameters)
        else:
            make_reducer(reducer.name, suite.discount, reducer.parameters)
    for learner in suite.learners:
        if suite.task == "regression":
            make_regression_judge(learner.name, learner.parameters)
        else:
            make_judge(learner.name, suite.discount, learner.parameters)
    trained = {learner.name in {**LEARNERS, **REGRESSION_LEARNERS} for learner in suite.learners}
    if len(trained) > 1:
        raise InputError(
            f"suite {suite.name!r} mixes learners and judges, whose results cannot be compared: "
            "give each a suite of its own"
        )


def check_runnable(suite: Suite) -> None:
    """Open every dataset, collecting it if need be, and look for optional libraries.

    Raises:
        InputError: If a dataset cannot be used, or policies trained on it not evaluated, a size
            exceeds one, or a library is missing.
    """
    for reducer in suite.reducers:
        if suite.task == "regression":
            REGRESSION_REDUCERS[reducer.name].check_installed()
    trains = any(learner.name in LEARNERS for learner in suite.learners)
    for dataset_id in suite.datasets:
        if suite.task == "regression":
            available = len(_split(_tabular(dataset_id), suite.seeds[0]).train)
        else:
            available = len(_dataset(dataset_id).transitions)
            if trains:
                check_evaluable(_dataset(dataset_id))
        if max(suite.sizes) > available:
            raise InputError(
                f"size {max(suite.sizes)} in suite {suite.name!r}: {dataset_id!r} has only "
                f"{available} rows to reduce; lower the size"
            )


# A dataset is its own key: two of one name and different content are two objects.
@lru_cache(maxsize=16)
def _reduction(
    dataset: Dataset, reducer: str, size: int | None, seed: int, discount: float | None
) -> Reduction:
    spec = ReducerSpec.model_validate_json(reducer)
    full = dataset.transitions
    made = make_reducer(spec.name, discount, spec.parameters)
    return reduce_seeded(full, made, size or len(full), seed)


@lru_cache(maxsize=16)
def _regression_reduction(
    tabular: Tabular, reducer: str, size: int | None, seed: int
) -> RegressionReduction:
    spec = ReducerSpec.model_validate_json(reducer)
    train = _split(tabular, seed).train
    made = make_regression_reducer(spec.name, spec.parameters)
    return reduce_regression_seeded(train, made, size or len(train), seed)


@lru_cache(maxsize=4)
def _split(tabular: Tabular, seed: int) -> Split:
    return split(tabular, seed)


@lru_cache(maxsize=4)
def _dataset(dataset_id: str) -> Dataset:
    return open_dataset(dataset_id)


@lru_cache(maxsize=4)
def _tabular(dataset_id: str) -> Tabular:
    return open_tabular(dataset_id)
