"""Metrics that are computed on a reduction itself: nothing is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic

from pydantic import BaseModel, ConfigDict

from harness.core.reduction import Reduction
from harness.core.rows import Rows, RowsT, row_type


class ReductionMetric(BaseModel, ABC, Generic[RowsT]):
    """Compares a reduction with the full data; its fields are its parameters.

    It stands in a suite where a learner stands. What its values are called in records and tables,
    ``metric``, is how `harness.analysis.metrics` knows the columns and figures that show them;
    where it knows none, there is a table of the values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]  # how a suite calls it
    metric: ClassVar[str]  # what its value is

    @classmethod
    def row_type(cls) -> type[Rows] | None:
        """Return the type of the rows that it compares; None if it compares any."""
        return row_type(cls, ReductionMetric)

    @abstractmethod
    def measure(
        self, full: RowsT, reduction: Reduction[RowsT], discount: float | None
    ) -> tuple[float, dict[str, float]]:
        """Return the metric's value, of which less is better, and what else was measured.

        Args:
            full: The data that were reduced.
            reduction: What stands for them.
            discount: γ of the run; None in regression.
        """
