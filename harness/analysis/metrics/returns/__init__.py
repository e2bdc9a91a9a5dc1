"""Returns of trained policies: tables and figures."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from harness.analysis.metrics.base import RETURN, Chart, Metric
from harness.analysis.metrics.returns import comparison
from harness.analysis.metrics.returns.arm_rows import plot_arm_returns
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.cost import COST
from harness.analysis.metrics.returns.engines import ENGINES
from harness.analysis.metrics.returns.improvement import IMPROVEMENT
from harness.analysis.metrics.returns.learning_curves import (
    LEARNING,
    are_readable,
    plot_learning_curves,
    plot_size_curves,
)
from harness.analysis.metrics.returns.profiles import plot_profiles
from harness.analysis.metrics.returns.signal import SIGNAL, tell_unearned
from harness.analysis.metrics.returns.use import USE
from harness.analysis.metrics.returns.variance import VARIANCE
from harness.analysis.metrics.returns.verdict import tell_kept
from harness.core.records import RunRecord

TRANSITIONS = "synthetic or kept transitions"


def draw_returns(records: Sequence[RunRecord]) -> dict[str, Figure]:
    """Draw ``learning-curves``, ``size-return`` (of one size ``arm-return``) and ``profiles``.

    Learners of one checkpoint have no curve, and too many panels of curves are not drawn. Where no
    run has a size, there is nothing to draw against it nor arms to profile, and without references
    no profile.

    Raises:
        InputError: If no run was completed.
    """
    sizes = {record.spec.size for record in records} - {None}
    figures = {}
    if are_readable(records):
        figures["learning-curves"] = plot_learning_curves(records)
    if len(sizes) > 1:
        figures["size-return"] = plot_size_curves(records)
    elif sizes:
        figures["arm-return"] = plot_arm_returns(records)
    if sizes and scored_seeds(records)["score"].notna().any():
        figures["profiles"] = plot_profiles(records)
    return figures


RETURNS = Metric(
    name=RETURN,
    task="control",
    is_default=True,
    columns=comparison.COLUMNS,
    definitions=comparison.DEFINITIONS,
    compare=comparison.compare_returns,
    remarks=tell_unearned,
    tells_protocol=True,
    beside={
        "improvement": IMPROVEMENT,
        "variance": VARIANCE,
        "cost": COST,
        "signal": SIGNAL,
        "use": USE,
        "engines": ENGINES,
    },
    figures=draw_returns,
    charts=(
        Chart(title="Return", value="return", against="size", axis=TRANSITIONS),
        Chart(title="Score", value="score", against="size", axis=TRANSITIONS),
        Chart(
            title="Return while training",
            value="return",
            against="step",
            axis="gradient steps",
            across="linear",
            table=LEARNING,
            is_drawn=are_readable,
        ),
    ),
    verdict=tell_kept,
)
