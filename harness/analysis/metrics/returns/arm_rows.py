"""The figure of suites of one size: a row for each arm."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.captions import headline
from harness.analysis.figures.drawing import (
    RANDOM_POLICY,
    RANDOM_POLICY_LINE,
    legend_entries,
    random_policy_entry,
)
from harness.analysis.figures.panels import Panel, finish, panel_grid
from harness.analysis.figures.styles import ArmStyle, arm_styles
from harness.analysis.frame import FULL
from harness.analysis.metrics.base import RETURN, checked
from harness.analysis.metrics.returns.comparison import drawn_returns
from harness.analysis.metrics.returns.signal import remarked, without_controls
from harness.core.presentation.figure_style import figure_style
from harness.core.records import RunRecord

# lengths in inches
ROW_HEIGHT = 0.21
ROWS_MARGIN = 0.75
LABEL_WIDTH = 24  # characters; what is longer is wrapped


def plot_arm_returns(records: Iterable[RunRecord]) -> Figure:
    """Plot headline return, a row an arm and a panel for each dataset, size and learner.

    The values are those of the comparison. The dashed line is at ``full``, the
    dotted one at the random policy's return. Arms stand in their fixed order, from the top.

    Raises:
        InputError: If no run was completed, or the runs are not of control.
    """
    listed = checked(records, RETURN)
    records = without_controls(listed)
    table, floors = drawn_returns(records)
    styles = arm_styles(table["arm"])
    groups = table.groupby(["dataset", "learner", "size"], dropna=False)
    panels = {Panel.of(key): group for key, group in groups}
    height = ROWS_MARGIN + ROW_HEIGHT * len(styles) * max(map(_lines, styles))
    with figure_style():
        figure, axes = panel_grid(list(panels), "return", "", share_all=True, height=height)
        for axis, (panel, group) in zip(axes, panels.items(), strict=True):
            axis.axvline(floors[panel.dataset], label=RANDOM_POLICY, **RANDOM_POLICY_LINE)
            _draw_rows(axis, group, styles)
            _name_rows(axis, list(styles))
        _share_returns(axes, list(panels))
        full = {arm: style for arm, style in styles.items() if arm == FULL}
        entries = [*legend_entries(full), random_policy_entry()]
        finish(figure, "Return of each arm", entries, remarked(headline(records), listed))
    return figure


def _draw_rows(axis: Axes, table: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    for place, (arm, style) in enumerate(styles.items()):
        row = table[table["arm"] == arm]
        if row.empty:
            continue
        value, low, high = row.iloc[0][["return", "return_low", "return_high"]].astype(float)
        if arm == FULL:
            axis.axvline(value, zorder=1, **style.options())
        marked = replace(style, line="none", marker=style.marker or "o")
        options: dict[str, Any] = {"capsize": 2, "elinewidth": 1.4, "label": arm}
        ends = np.array([[value - low], [high - value]])
        axis.errorbar([value], [place], xerr=ends, **options, **marked.options())


def _name_rows(axis: Axes, arms: Sequence[str]) -> None:
    axis.set_yticks(range(len(arms)), [textwrap.fill(arm, LABEL_WIDTH) for arm in arms])
    spec = axis.get_subplotspec()
    axis.tick_params(axis="y", length=0, labelleft=spec is not None and spec.is_first_col())
    axis.set_ylim(len(arms) - 0.5, -0.5)
    axis.yaxis.grid(False)


def _lines(arm: str) -> int:
    return len(textwrap.wrap(arm, LABEL_WIDTH))


def _share_returns(axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """Panels of one dataset share their range."""
    first: dict[str, Axes] = {}
    for axis, panel in zip(axes, panels, strict=True):
        if (other := first.setdefault(panel.dataset, axis)) is not axis:
            axis.sharex(other)
            other.autoscale_view()
