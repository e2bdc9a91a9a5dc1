"""Specifications of runs and suites: immutable values with readable ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from harness.core.classes.reading import AS_STORED, Reading, SaysReadings, split_tables
from harness.core.classes.specs import Frozen, Label, LabelledSpec, LearnerSpec, ReducerSpec
from harness.core.classes.sweeps import expand_sweeps

Task = Literal["control", "regression"]
Engine = Literal["d3rlpy", "fast"]  # what trains networks; fast: in compiled code, to the same end

CONTROL_DEFAULTS = {"discount": 0.99, "episodes": 20}


class SuiteReducer(ReducerSpec):
    """A reducer of a suite."""

    datasets: tuple[str, ...] | None = None  # that it reduces; None: all of the suite's
    sizes: tuple[PositiveInt, ...] | None = None  # that it is run at; None: all of the suite's
    learners: tuple[str, ...] | None = None  # labels of those trained on its sets; None: all

    def spec(self) -> ReducerSpec:
        """Return the reducer's spec for a run."""
        return ReducerSpec.model_validate(
            self.model_dump(exclude={"datasets", "sizes", "learners"})
        )


class SuiteLearner(LearnerSpec):
    """A learner of a suite."""

    datasets: tuple[str, ...] | None = None  # that it is trained on; None: all of the suite's
    reducers: tuple[str, ...] | None = None  # labels of those whose sets it learns; None: all
    engine: Engine | None = None  # that trains it; None: the suite's

    def spec(self) -> LearnerSpec:
        """Return the learner's spec for a run."""
        return LearnerSpec(name=self.name, label=self.label, parameters=self.parameters)


class CodebookSpec(Frozen):
    """How continuous actions are discretised: by the nearest of a few codes."""

    method: Literal["kmeans", "bins", "product"] = "kmeans"  # the latter two by dimension
    size: Annotated[int, Field(ge=2, le=256)] = 32  # maximum number of codes in total


class RunSpec(SaysReadings):
    """One run: reduce a dataset, train a learner on the result, and evaluate it.

    In control, policies are evaluated in the environment; in regression, predictions on a test
    split, without discount and episodes.
    """

    task: Task = "control"
    dataset: str
    reducer: ReducerSpec
    size: PositiveInt | None  # None: all rows
    learner: LearnerSpec
    seed: Annotated[int, Field(ge=0)]
    discount: Annotated[float, Field(ge=0, lt=1)] | None = None
    episodes: PositiveInt | None = None  # evaluation episodes at each checkpoint
    codebook: CodebookSpec | None = None  # of continuous actions; None: they stay as they are
    replicate: Annotated[int, Field(ge=0)] = 0  # further learner seeds on the same reduction
    environment: str | None = None  # instead of the dataset's, also as ``module:Env-v0``
    engine: Engine = "d3rlpy"  # that trains networks, and plays where it can
    reading: Reading | None = None  # what else is said of the dataset

    @property
    def full_reading(self) -> Reading:
        """All that is said of the dataset, its environment included."""
        return (self.reading or AS_STORED).model_copy(update={"environment": self.environment})

    @cached_property
    def run_id(self) -> str:
        """The run's id, built from its values and valid as a file name."""
        parts = [*self._arm, self.learner.label, f"seed{self.seed}"]
        if self.replicate:
            parts.append(f"rep{self.replicate}")
        return "__".join(parts)

    @property
    def set_id(self) -> str:
        """The id of the reduced set that it trains on, valid as a file name."""
        return "__".join([*self._arm, f"seed{self.seed}"])

    @property
    def _arm(self) -> tuple[str, str, str]:
        size = "all" if self.size is None else f"n{self.size}"
        return slug(self.dataset), self.reducer.label, size


class Suite(SaysReadings):
    """Datasets × reducers × sizes × learners × seeds × replicates, in that order.

    The reducer ``full`` runs once per seed, whatever the sizes. Reducers and learners may be given
    with a ``sweep``; the suite has the expanded entries.
    """

    name: Label  # of its results folder
    description: str  # one line, for `bellman-bench list`
    task: Task = "control"  # regression: no environment, a test split in its place
    datasets: Annotated[tuple[str, ...], Field(min_length=1)]  # ids or paths
    reducers: Annotated[tuple[SuiteReducer, ...], Field(min_length=1)]  # the arms
    sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]  # rows of each reduction
    learners: Annotated[tuple[SuiteLearner, ...], Field(min_length=1)]  # or metrics
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]  # of all streams
    discount: Annotated[float, Field(ge=0, lt=1)] | None = None  # in control 0.99 unless given
    episodes: PositiveInt | None = None  # at each checkpoint; in control 20 unless given
    codebook: CodebookSpec | None = None  # of continuous actions; None: they stay as they are
    replicates: PositiveInt = 1  # number of learner seeds on each reduction
    environments: dict[str, str] = Field(default_factory=dict)  # instead of datasets' own
    engine: Engine = "d3rlpy"  # that trains networks, unless a learner names another
    readings: dict[str, Reading] = Field(default_factory=dict)  # of datasets, as their tables say

    @model_validator(mode="before")
    @classmethod
    def _control_has_defaults(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("task", "control") == "control":
            return CONTROL_DEFAULTS | values
        return values

    @model_validator(mode="before")
    @classmethod
    def _datasets_may_be_tables(cls, values: Any) -> Any:
        """Accept ``{ id = …, environment = …, actions = … }`` for what is said of a dataset."""
        if not isinstance(values, dict) or not isinstance(values.get("datasets"), list | tuple):
            return values
        return values | split_tables(values)

    @model_validator(mode="before")
    @classmethod
    def _sweeps_are_expanded(cls, values: Any) -> Any:
        if isinstance(values, dict):
            kinds = values.keys() & {"reducers", "learners"}
            return values | {kind: expand_sweeps(values[kind]) for kind in kinds}
        return values

    @model_validator(mode="after")
    def _regression_has_no_episodes(self) -> Self:
        said = self.environments or self.readings or None
        control_only = (self.discount, self.episodes, self.codebook, said)
        engines = {self.engine} | {learner.engine or self.engine for learner in self.learners}
        counts = self.replicates == 1 and engines == {"d3rlpy"}
        if self.task == "regression" and not (control_only == (None,) * 4 and counts):
            raise ValueError(
                "a regression suite has neither discount nor episodes nor codebook nor "
                "environments nor readings nor replicates nor engine: remove them"
            )
        return self

    @model_validator(mode="after")
    def _regression_has_no_labels(self) -> Self:
        for reducer in self.reducers:
            if self.task == "regression" and (reducer.labels or reducer.control):
                found = f"labels {reducer.labels.name!r}" if reducer.labels else "a control"
                raise ValueError(
                    f"reducer {reducer.label!r} has {found}, and regression has neither rewards "
                    "nor actions to change: remove them"
                )
        return self

    @model_validator(mode="after")
    def _what_is_said_is_of_datasets(self) -> Self:
        for dataset in (self.environments.keys() | self.readings.keys()) - set(self.datasets):
            raise ValueError(
                f"something is said of {dataset!r}, which is not in the suite's datasets: correct "
                "it"
            )
        for dataset, reading in self.readings.items():
            if reading.environment is not None:
                raise ValueError(
                    f"environment {reading.environment!r} in the reading of {dataset!r}: it is "
                    "said in environments; put it there"
                )
        return self

    @model_validator(mode="after")
    def _restrictions_name_what_there_is(self) -> Self:
        reducers, learners = _labels_of(self.reducers), _labels_of(self.learners)
        for learner in self.learners:
            _check_subset("learner", learner.label, "datasets", learner.datasets, self.datasets)
            _check_subset("learner", learner.label, "reducers", learner.reducers, reducers)
        for reducer in self.reducers:
            if reducer.name == "full" and reducer.sizes is not None:
                raise ValueError(
                    f"reducer {reducer.label!r} has sizes {list(reducer.sizes)}, and 'full' takes "
                    "all rows: leave sizes out"
                )
            _check_subset("reducer", reducer.label, "datasets", reducer.datasets, self.datasets)
            _check_subset("reducer", reducer.label, "sizes", reducer.sizes, self.sizes)
            _check_subset("reducer", reducer.label, "learners", reducer.learners, learners)
        return self

    @model_validator(mode="after")
    def _everything_is_run(self) -> Self:
        runs = list(self.runs())
        for dataset in set(self.datasets) - {run.dataset for run in runs}:
            raise ValueError(f"no learner for {dataset!r}: give one or drop the dataset")
        for reducer in set(_labels_of(self.reducers)) - {run.reducer.label for run in runs}:
            raise ValueError(f"no learner for reducer {reducer!r}: give one or drop the reducer")
        for learner in set(_labels_of(self.learners)) - {run.learner.label for run in runs}:
            raise ValueError(f"nothing for learner {learner!r} to learn: drop it or a restriction")
        sizes = set(self.sizes) - {run.size for run in runs}
        if sizes and any(reducer.name != "full" for reducer in self.reducers):
            raise ValueError(f"no reducer for sizes {sorted(sizes)}: give one or drop them")
        return self

    @model_validator(mode="after")
    def _runs_are_distinct(self) -> Self:
        seen: dict[str, RunSpec] = {}
        for run in self.runs():
            other = seen.setdefault(run.run_id, run)
            if other.dataset != run.dataset:
                raise ValueError(
                    f"datasets {other.dataset!r} and {run.dataset!r} are both "
                    f"{slug(run.dataset)!r} in the names of records: rename one of them"
                )
            if other is not run:
                raise ValueError(
                    f"{run.run_id!r} is the id of two runs: list each value once, and give "
                    "reducers or learners of the same name different labels"
                )
        return self

    def runs(self) -> Iterator[RunSpec]:
        """Yield every run of the suite, seeds outermost so that an early stop keeps runs paired."""
        specs = [reducer.spec() for reducer in self.reducers]
        arms = list(zip(self.reducers, specs, strict=True))
        for seed, dataset, (reducer, spec) in product(self.seeds, self.datasets, arms):
            sizes = (None,) if reducer.name == "full" else reducer.sizes or self.sizes
            trainees = [
                (learner.spec(), learner.engine or self.engine)
                for learner in self._learners_of(dataset, reducer)
            ]
            for size, trainee, replicate in product(sizes, trainees, range(self.replicates)):
                yield RunSpec(
                    task=self.task,
                    dataset=dataset,
                    reducer=spec,
                    size=size,
                    learner=trainee[0],
                    seed=seed,
                    discount=self.discount,
                    episodes=self.episodes,
                    codebook=self.codebook,
                    replicate=replicate,
                    engine=trainee[1],
                    **self.said_of(dataset),
                )

    def said_of(self, dataset: str) -> dict[str, Any]:
        """Return the fields of a run that say how a dataset is read."""
        return {
            "environment": self.environments.get(dataset),
            "reading": self.readings.get(dataset),
        }

    def _learners_of(self, dataset: str, reducer: SuiteReducer) -> Iterator[SuiteLearner]:
        for learner in self.learners:
            if (
                _allows(reducer.datasets, dataset)
                and _allows(reducer.learners, learner.label)
                and _allows(learner.datasets, dataset)
                and _allows(learner.reducers, reducer.label)
            ):
                yield learner


def _allows(some: Sequence[str] | None, one: str) -> bool:
    return some is None or one in some


def _labels_of(specs: Iterable[LabelledSpec]) -> list[str]:
    return [spec.label for spec in specs]


def _check_subset(
    kind: str, label: str, key: str, some: Sequence[Any] | None, known: Sequence[Any]
) -> None:
    """Check that what restricts a learner or reducer is of the suite, and is not empty."""
    others = sorted(set(some or ()) - set(known))
    if others or some == ():
        raise ValueError(
            f"{kind} {label!r} is for {key} {others or 'none'}: its {key} must be among the "
            f"suite's; correct them, or leave {key} out to use all"
        )


def slug(text: str) -> str:
    """Convert a dataset id or path to letters, digits, dots and single hyphens."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")
