"""The interface of worker pools: local processes or a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any, ClassVar, Self

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.core.specs import RunSpec

# Executes a run with the dataset and reduction sent along; None: the worker loads or makes both.
Work = Callable[[RunSpec, Any], RunRecord]


def reduction_identity(spec: RunSpec) -> str:
    """Identity of a run's reduction, equal for runs that train on the same one."""
    return spec.model_dump_json(exclude={"learner", "episodes", "replicate", "engine"})


class WorkerPool(ABC):
    """A pool of workers that execute runs; leaving its context abandons submitted runs."""

    died: ClassVar[tuple[type[BaseException], ...]]  # exceptions that mean that a worker died
    attempts: ClassVar[int]  # maximum attempts of a run whose worker dies

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    @abstractmethod
    def capacity(self) -> int:
        """Maximum number of runs to submit at a time."""

    @abstractmethod
    def submit(self, work: Work, spec: RunSpec) -> Future[RunRecord]:
        """Submit a run, which starts as soon as a worker is free."""

    @abstractmethod
    def had_started(self, future: Future[RunRecord]) -> bool:
        """Whether a worker had started before it died with a run."""

    def cause_of_death(self, future: Future[RunRecord]) -> str:  # noqa: ARG002
        """Say of what the worker died that had a run, as far as it is known."""
        return "of a lack of memory?"

    @abstractmethod
    def kill(self, future: Future[RunRecord]) -> bool:
        """Kill the worker of a run that did not end in time; False if the pool cannot."""

    @abstractmethod
    def close(self) -> None:
        """End the workers, or disconnect from them."""


def check_cluster_installed(address: str) -> None:
    """Check that Dask, an optional library, is installed.

    Raises:
        InputError: If it is missing.
    """
    if find_spec("distributed") is None:
        raise InputError(
            f"scheduler {address!r}: a cluster needs Dask; install bellman-bench[cluster]"
        )
