"""The base class of metrics that are computed on a reduction, without training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.core.records import METRIC_RULE, MetricName
from harness.core.reduction import Reduction
from harness.core.rows import Rows, RowsT, row_type


class ReductionMetric(BaseModel, ABC, Generic[RowsT]):
    """A metric that compares a reduction with the full dataset; fields are its parameters.

    In a suite it takes a learner's place. ``metric`` is the name of its values in records and
    tables, by which `harness.analysis.metrics` finds the columns and figures that show them; for
    others there is a table of the values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]  # its name in suites
    metric: ClassVar[str]  # the name of its value
    takes_continuous: ClassVar[bool] = False  # whether it compares rows with continuous actions

    def model_post_init(self, context: Any, /) -> None:  # noqa: ARG002
        """Refuse what no record could hold, before anything runs.

        Raises:
            ValueError: If ``metric`` is no name for its values.
        """
        metric = getattr(self, "metric", None)
        try:
            TypeAdapter(MetricName).validate_python(metric, strict=True)
        except ValidationError as error:
            raise ValueError(f"its metric is {metric!r}: {METRIC_RULE}") from error

    @classmethod
    def row_type(cls) -> type[Rows] | None:
        """Return the type of the rows that it compares; None if any."""
        return row_type(cls, ReductionMetric)

    @abstractmethod
    def measure(
        self, full: RowsT, reduction: Reduction[RowsT], discount: float | None
    ) -> tuple[float, dict[str, float]]:
        """Return the metric's value (smaller is better) and further measurements.

        Args:
            full: The full dataset.
            reduction: Its reduction.
            discount: γ of the run; None in regression.
        """
