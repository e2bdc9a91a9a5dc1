"""What a metric of the user's is called and gives, and what is said of anything else."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from harness.core.classes.registry import Registry
from harness.core.errors import InputError, one_line
from harness.core.metric import ReductionMetric
from harness.core.records import MeasuredResult
from harness.core.reduction import Reduction
from harness.core.transitions import Transitions
from tests.support.workers import result

NAMES = ["", "return", "x" * 49, " gap", "gap ", "a\nb", None, 3]


class Gap(ReductionMetric[Transitions]):
    """Measures nothing."""

    name: ClassVar[str] = "gap"

    def measure(
        self,
        full: Transitions,  # noqa: ARG002
        reduction: Reduction[Transitions],  # noqa: ARG002
        discount: float | None,  # noqa: ARG002
    ) -> tuple[float, dict[str, float]]:
        return 0.0, {}


def make(metric: Any) -> Any:
    found = type("Named", (Gap,), {"metric": metric, "__module__": __name__})
    return _registry(found).make("named", {})


def _registry(found: type) -> Registry[Any]:
    return Registry("learner", groups=(), bases=(ReductionMetric,), builtin={"named": found})


@pytest.mark.parametrize("metric", NAMES)
def test_a_metric_without_a_usable_name_is_refused_as_it_is_made(metric: Any) -> None:
    with pytest.raises(InputError) as refused:
        make(metric)
    assert f"learner 'named': its metric is {metric!r}: choose 1 to 48" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_metric_without_a_name_is_refused_as_it_is_made() -> None:
    with pytest.raises(InputError, match="learner 'named': its metric is None: choose 1 to 48"):
        _registry(Gap).make("named", {})


def test_a_usable_name_passes() -> None:
    assert make("x" * 48).metric == "x" * 48


def measured(value: Any) -> MeasuredResult:
    return MeasuredResult.model_validate({**dict(result(0.0)), "value": value})


def test_a_value_is_a_number() -> None:
    numbers: tuple[Any, ...] = (1, 1.0, np.float32(1), np.array(1.0))
    others: tuple[Any, ...] = ("1.0", b"1", None, True, [1.0], np.ones(2))
    assert {measured(value).value for value in numbers} == {1.0}
    for value in others:
        with pytest.raises(ValidationError) as refused:
            measured(value)
        said = one_line(refused.value)
        assert f"metric 'test MSE' gave {type(value).__name__}: its value must be a number" in said
