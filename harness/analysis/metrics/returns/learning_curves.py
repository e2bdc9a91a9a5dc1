"""Figures of control: return against gradient steps, and return against size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from harness.analysis.captions import headline, interquartile
from harness.analysis.columns import Column, count, shared, tabulate, tenths, with_interval
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
from harness.analysis.metrics.base import RETURN, Table, checked
from harness.analysis.metrics.returns.comparison import drawn_returns
from harness.analysis.metrics.returns.signal import remarked, without_controls
from harness.analysis.statistics import bootstrap_interval, interquartile_mean
from harness.core.presentation.figure_style import figure_style
from harness.core.records import RunRecord, RunResult

MARKERS_PER_CURVE = 6
MOST_PANELS = 30  # of learning curves; more of them nobody reads
PANEL = ["dataset", "learner", "size"]
COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "seeds"),
    "step": Column("int64", count, "gradient steps"),
    **with_interval("return", tenths),
}
DEFINITIONS = (
    "return: inter-quartile mean over seeds of each checkpoint's mean return, at the checkpoints "
    "that all seeds of an arm share",
    "interval: 95 % percentile bootstrap over seeds; none for one seed",
)


def has_curves(records: Iterable[RunRecord]) -> bool:
    """Tell whether a completed run has more than one checkpoint."""
    results = [record.result for record in records]
    return any(isinstance(run, RunResult) and len(run.checkpoints) > 1 for run in results)


def are_readable(records: Sequence[RunRecord]) -> bool:
    """Tell whether there are learning curves, in at most ``MOST_PANELS`` panels."""
    curved = [record.spec for record in records if has_curves([record])]
    sizes = {spec.size for spec in curved} - {None}
    panels = len({(spec.dataset, spec.learner.label) for spec in curved}) * max(1, len(sizes))
    return 0 < panels <= MOST_PANELS


def compare_curves(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms' returns at every checkpoint.

    Controls, and learners of one checkpoint, are left out; ``full`` is repeated beside every size.

    Returns:
        One row for each dataset, learner, size, arm and checkpoint that all of its seeds share,
        with the columns of ``COLUMNS``: ``return`` is the inter-quartile mean over seeds, with its
        95 % interval.
    """
    curves = beside_every_size(average_replicates(curves_frame(_with_curves(records))))
    rows = [
        row
        for key, group in curves.groupby([*PANEL, "arm"], dropna=False)
        for row in _curve_rows(dict(zip([*PANEL, "arm"], key, strict=True)), group)
    ]
    return tabulate(rows, COLUMNS)


def _with_curves(records: Iterable[RunRecord]) -> list[RunRecord]:
    drawn = without_controls(records)
    return [record for record in drawn if record.result is None or has_curves([record])]


def _curve_rows(curve: dict[str, Any], group: pd.DataFrame) -> Iterator[dict[str, Any]]:
    shared_returns = shared_checkpoints(group)
    returns = shared_returns.to_numpy()
    low, high = bootstrap_interval(returns)
    for turn, (step, middle) in enumerate(
        zip(shared_returns.index, interquartile_mean(returns), strict=True)
    ):
        ends = {"return_low": low[turn], "return_high": high[turn]}
        yield {**curve, "seeds": returns.shape[1], "step": step, "return": middle, **ends}


LEARNING = Table(columns=COLUMNS, definitions=DEFINITIONS, compare=compare_curves)


def plot_learning_curves(records: Iterable[RunRecord]) -> Figure:
    """Plot return against gradient steps, a panel for each dataset, size and learner.

    Lines and bands are the values of `compare_curves` and their intervals.

    Raises:
        InputError: If no run was completed, or the runs are not of control.
    """
    listed = checked(records, RETURN)
    records = _with_curves(listed)
    curves = compare_curves(listed)
    styles = arm_styles(curves["arm"])
    panels = {Panel.of(key): group for key, group in curves.groupby(PANEL, dropna=False)}
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
        curve = curves[curves["arm"] == arm]
        steps = curve["step"].to_numpy()
        every = max(1, len(steps) // MARKERS_PER_CURVE)
        axis.fill_between(
            steps,
            curve["return_low"],
            curve["return_high"],
            color=styles[arm].colour,
            alpha=opacity,
            linewidth=0,
            label=arm,
        )
        axis.plot(
            steps,
            curve["return"],
            label=arm,
            markevery=(turn % every, every),
            **styles[arm].options(),
        )
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_major_locator(MaxNLocator(5))
