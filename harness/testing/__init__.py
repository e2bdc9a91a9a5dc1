"""Contract tests that every plugged-in class keeps to, yours included.

    from harness.testing import ReducerContract
    from mine import EveryNth

    class TestEveryNth(ReducerContract):
        subject = EveryNth(step=3)

They need pytest, which installing the package does not bring.
"""

import pytest

for _module in ("reducers", "learners", "regression_learners", "metrics", "formats", "labels"):
    pytest.register_assert_rewrite(f"harness.testing.{_module}")

from harness.testing.formats import FormatContract  # noqa: E402
from harness.testing.labels import LabelsContract, TeacherContract  # noqa: E402
from harness.testing.learners import LearnerContract  # noqa: E402
from harness.testing.metrics import MetricContract  # noqa: E402
from harness.testing.reducers import ReducerContract  # noqa: E402
from harness.testing.regression_learners import RegressionLearnerContract  # noqa: E402

__all__ = [
    "FormatContract",
    "LabelsContract",
    "LearnerContract",
    "MetricContract",
    "ReducerContract",
    "RegressionLearnerContract",
    "TeacherContract",
]
