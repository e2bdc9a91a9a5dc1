"""Figures of control: return against gradient steps, and return against size."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from harness.analysis.captions import headline, interquartile
from harness.analysis.figures.drawing import (
    BAND_OPACITY,
    MOST_BANDS,
    RANDOM_POLICY,
    RANDOM_POLICY_LINE,
    draw_sizes,
    legend_entries,
    random_policy_entry,
)
from harness.analysis.figures.panels import Panel, finish, panel_grid
from harness.analysis.figures.styles import ArmStyle, arm_styles
from harness.analysis.frame import (
    average_replicates,
    beside_every_size,
    curves_frame,
    shared_checkpoints,
)
from harness.analysis.metrics.base import RETURN, checked
from harness.analysis.metrics.returns.comparison import drawn_returns
from harness.analysis.metrics.returns.signal import remarked, without_controls
from harness.analysis.statistics import bootstrap_interval, interquartile_mean
from harness.core.presentation.figure_style import figure_style
from harness.core.records import RunRecord, RunResult

MARKERS_PER_CURVE = 6


def has_curves(records: Iterable[RunRecord]) -> bool:
    """Tell whether a completed run has more than one checkpoint."""
    results = [record.result for record in records]
    return any(isinstance(run, RunResult) and len(run.checkpoints) > 1 for run in results)


def plot_learning_curves(records: Iterable[RunRecord]) -> Figure:
    """Plot return against gradient steps, a panel for each dataset, size and learner.

    Lines are inter-quartile means over seeds and bands their 95 % bootstrap intervals, at the
    checkpoints that all seeds of an arm share. ``full`` is repeated in every panel. Learners of
    one checkpoint are left out.

    Raises:
        InputError: If no run was completed, or the runs are not of control.
    """
    listed = checked(records, RETURN)
    drawn = without_controls(listed)
    records = [record for record in drawn if record.result is None or has_curves([record])]
    curves = beside_every_size(average_replicates(curves_frame(records)))
    styles = arm_styles(curves["arm"])
    groups = curves.groupby(["dataset", "learner", "size"], dropna=False)
    panels = {Panel.of(key): group for key, group in groups}
    with figure_style():
        figure, axes = panel_grid(list(panels), "gradient steps", "return")
        for axis, group in zip(axes, panels.values(), strict=True):
            _draw_curves(axis, group, styles)
        caption = remarked(interquartile(records, "each checkpoint's mean return"), listed)
        finish(figure, "Return against gradient steps", legend_entries(styles), caption)
    return figure


def plot_size_curves(records: Iterable[RunRecord]) -> Figure:
    """Plot headline return against size, a panel for each dataset and learner.

    The values are those of the comparison. ``full`` is a horizontal line with a
    band, the random policy's return a dotted one. Where there is one size, or arms too many for
    bands, error bars stand side by side.

    Raises:
        InputError: If no run was completed, or the runs are not of control.
    """
    listed = checked(records, RETURN)
    records = without_controls(listed)
    table, floors = drawn_returns(records)
    styles = arm_styles(table["arm"])
    panels = {Panel.of(key): group for key, group in table.groupby(["dataset", "learner"])}
    with figure_style():
        figure, axes = panel_grid(list(panels), "synthetic or kept transitions", "return")
        for axis, (panel, group) in zip(axes, panels.items(), strict=True):
            axis.axhline(floors[panel.dataset], label=RANDOM_POLICY, **RANDOM_POLICY_LINE)
            draw_sizes(axis, group, "return", styles)
        entries = [*legend_entries(styles), random_policy_entry()]
        finish(figure, "Return against size", entries, remarked(headline(records), listed))
    return figure


def _draw_curves(axis: Axes, curves: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    present = [arm for arm in styles if arm in set(curves["arm"])]
    opacity = BAND_OPACITY * min(1, MOST_BANDS / len(present))
    for turn, arm in enumerate(present):
        shared = shared_checkpoints(curves[curves["arm"] == arm])
        low, high = bootstrap_interval(shared.to_numpy())
        steps = shared.index.to_numpy()
        every = max(1, len(steps) // MARKERS_PER_CURVE)
        axis.fill_between(
            steps, low, high, color=styles[arm].colour, alpha=opacity, linewidth=0, label=arm
        )
        axis.plot(
            steps,
            interquartile_mean(shared.to_numpy()),
            label=arm,
            markevery=(turn % every, every),
            **styles[arm].options(),
        )
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_major_locator(MaxNLocator(5))
