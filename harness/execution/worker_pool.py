"""Where runs are executed: what the runner asks of local processes and of a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any, ClassVar, Self

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.core.specs import RunSpec

# Does a run with the dataset and reduction that were sent along; None: the worker sees to both.
Work = Callable[[RunSpec, Any], RunRecord]


def reduction_identity(spec: RunSpec) -> str:
    """Name what runs have in common that train on one reduction."""
    return spec.model_dump_json(exclude={"learner", "episodes", "replicate"})


class WorkerPool(ABC):
    """Workers that do runs. Leaving it in the middle abandons the runs in flight."""

    died: ClassVar[tuple[type[BaseException], ...]]  # what says that a worker died at its run
    attempts: ClassVar[int]  # how often a run is begun whose worker dies

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    @abstractmethod
    def capacity(self) -> int:
        """Runs to keep in flight."""

    @abstractmethod
    def submit(self, work: Work, spec: RunSpec) -> Future[RunRecord]:
        """Begin a run as soon as a worker is free."""

    @abstractmethod
    def had_started(self, future: Future[RunRecord]) -> bool:
        """Tell whether a worker had started before it died with a run."""

    @abstractmethod
    def kill(self, future: Future[RunRecord]) -> bool:
        """End a run that did not end in time; False if its worker is not ours to end."""

    @abstractmethod
    def close(self) -> None:
        """End the workers, or leave them to others."""


def check_cluster_installed(address: str) -> None:
    """Look for Dask, an optional library.

    Raises:
        InputError: If it is missing.
    """
    if find_spec("distributed") is None:
        raise InputError(
            f"scheduler {address!r}: work on a cluster needs Dask; install bellman-bench[cluster]"
        )
