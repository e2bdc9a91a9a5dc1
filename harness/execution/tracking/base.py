"""What follows ended runs: TensorBoard, Weights & Biases, MLflow."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import ClassVar

from harness.core.errors import InputError, one_line
from harness.core.presentation.run_values import measurements_of
from harness.core.records import RunRecord, RunResult

# Shows the records of runs as they end, given the expected seconds of each pending run by its id.
Watch = Callable[[Mapping[str, float], Iterator[RunRecord]], Iterator[RunRecord]]

logger = logging.getLogger("bellman_bench")


class Tracker(ABC):
    """Writes ended runs to one place: a folder, a project, an experiment."""

    option: ClassVar[str]  # of `run`, and the extra that installs its library
    library: ClassVar[str]  # as it is imported

    def __init__(self, place: str) -> None:
        """Name the place.

        Raises:
            InputError: If the library is not installed.
        """
        self.check_installed(place)
        self.place = place

    @classmethod
    def check_installed(cls, place: str) -> None:
        """Check that the library, an optional one, is installed; ``place`` is named if not.

        Raises:
            InputError: If it is missing.
        """
        if find_spec(cls.library) is None:
            raise InputError(
                f"{cls.option} {place!r}: this needs {cls.library}; install "
                f"bellman-bench[{cls.option}]"
            )

    @abstractmethod
    def write(self, record: RunRecord) -> None:
        """Write an ended run, which may have failed."""

    def watched_by(self, watch: Watch) -> Watch:
        """Write each record, then pass it on to ``watch``.

        What the library raises ends the writing with a warning, and not the suite.
        """
        return lambda pending, records: watch(pending, self._written(records))

    def _written(self, records: Iterator[RunRecord]) -> Iterator[RunRecord]:
        works = True
        for record in records:
            try:
                if works:
                    self.write(record)
            except Exception as error:
                works = False
                logger.warning(
                    "%s %r failed (%s): nothing more is written there; records are kept",
                    *(self.option, self.place, one_line(error)),
                )
            yield record


def learning_curve(record: RunRecord) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the checkpoints of a completed control run, of others none.

    Each is its gradient step with the mean, minimum and maximum return of its episodes and the
    learner's own metrics.
    """
    if isinstance(record.result, RunResult):
        for point in record.result.checkpoints:
            yield (
                point.step,
                {
                    "mean_return": point.mean_return,
                    "min_return": min(point.returns),
                    "max_return": max(point.returns),
                    **point.metrics,
                },
            )


def final_values(record: RunRecord) -> dict[str, float]:
    """Everything that a run measured beside its curve; empty if it failed."""
    found = measurements_of(record).items()
    return {name: float(value) for name, value in found if value is not None}
