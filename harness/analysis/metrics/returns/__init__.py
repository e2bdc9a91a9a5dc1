"""Returns of trained policies: tables and figures."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from harness.analysis.metrics.base import RETURN, Metric
from harness.analysis.metrics.returns import comparison
from harness.analysis.metrics.returns.arm_rows import plot_arm_returns
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.cost import COST
from harness.analysis.metrics.returns.engines import ENGINES
from harness.analysis.metrics.returns.improvement import IMPROVEMENT
from harness.analysis.metrics.returns.learning_curves import (
    has_curves,
    plot_learning_curves,
    plot_size_curves,
)
from harness.analysis.metrics.returns.profiles import plot_profiles
from harness.analysis.metrics.returns.signal import SIGNAL, tell_unearned
from harness.analysis.metrics.returns.use import USE
from harness.analysis.metrics.returns.variance import VARIANCE
from harness.core.records import RunRecord

MOST_PANELS = 30  # of learning curves; more of them nobody reads


def draw_returns(records: Sequence[RunRecord]) -> dict[str, Figure]:
    """Draw ``learning-curves``, ``size-return`` (of one size ``arm-return``) and ``profiles``.

    Learners of one checkpoint have no curve, and of more than ``MOST_PANELS`` panels of curves
    none is drawn. Where no run has a size, there is nothing to draw against it nor arms to
    profile, and without references no profile.

    Raises:
        InputError: If no run was completed.
    """
    sizes = {record.spec.size for record in records} - {None}
    figures = {}
    if has_curves(records) and _curve_panels(records) <= MOST_PANELS:
        figures["learning-curves"] = plot_learning_curves(records)
    if len(sizes) > 1:
        figures["size-return"] = plot_size_curves(records)
    elif sizes:
        figures["arm-return"] = plot_arm_returns(records)
    if sizes and scored_seeds(records)["score"].notna().any():
        figures["profiles"] = plot_profiles(records)
    return figures


def _curve_panels(records: Sequence[RunRecord]) -> int:
    """Count the panels that learning curves would have, one a dataset, learner and size."""
    curved = [record.spec for record in records if has_curves([record])]
    sizes = {spec.size for spec in curved} - {None}
    return len({(spec.dataset, spec.learner.label) for spec in curved}) * max(1, len(sizes))


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
)
