"""Arms side by side, by what their runs measured."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from harness.analysis.metrics.base import measure
from harness.analysis.metrics.fresh_gap import compare_fresh
from harness.analysis.metrics.returns.comparison import compare_returns
from harness.analysis.metrics.test_error import compare_errors
from harness.analysis.metrics.worst_case_gap import compare_gaps
from harness.core.records import RunRecord

_COMPARISONS = {
    "return": compare_returns,
    "test MSE": compare_errors,
    "worst-case gap": compare_gaps,
    "fresh gap": compare_fresh,
}


def comparison(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms by returns, test errors, worst-case or fresh gaps, whichever was measured.

    Returns:
        What `compare_returns`, `compare_errors`, `compare_gaps` or `compare_fresh` returns.

    Raises:
        InputError: If the records do not share one measure.
    """
    records = list(records)
    return _COMPARISONS[measure(records)](records)
