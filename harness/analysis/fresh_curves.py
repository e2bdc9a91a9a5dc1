"""The figure of sampled predictors: gaps on fresh ones against the number that was matched."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.captions import provenance
from harness.analysis.drawing import BAND_OPACITY, checked, legend_entries
from harness.analysis.fresh import compare_fresh
from harness.analysis.gap_curves import EDGE, EDGE_LINE, floor_note, set_gaps, set_predictors
from harness.analysis.panels import Panel, finish, panel_grid
from harness.analysis.styles import ArmStyle, arm_styles
from harness.core.figure_style import figure_style
from harness.core.records import RunRecord

FRESH_FLOOR = 1e-5  # smaller gaps are drawn here: they would squeeze those that matter
LEVEL_WIDTH = 1.3  # of the line of an arm that matches no predictors, in points
_BOUNDS = ["fresh_gap_low", "fresh_gap", "fresh_gap_high"]


def plot_fresh_gaps(records: Iterable[RunRecord]) -> Figure:
    """Plot the gap on fresh predictors against the number that was matched.

    There is a panel for each dataset, judge and size. The values are those of
    `harness.analysis.comparison`; bands are ranges over seeds. Arms that match no predictors are
    thin horizontal lines; a vertical line stands at q(q+1)/2.

    Raises:
        InputError: If no run was completed, or the runs did not measure fresh gaps.
    """
    records = checked(records, "fresh gap")
    table = compare_fresh(records)
    styles = _styles(table)
    groups = table.groupby(["dimension", "dataset", "judge", "size"], dropna=False)
    panels = {_panel(group): group for _, group in groups}
    with figure_style():
        figure, axes = panel_grid(
            list(panels), "predictors k", "median relative gap", share_all=True
        )
        for axis, group in zip(axes, panels.values(), strict=True):
            _draw_panel(axis, group, styles)
            set_predictors(axis)
        set_gaps(axes[0], table[_BOUNDS].to_numpy(), FRESH_FLOOR)
        entries = [*legend_entries(styles), Line2D([], [], label=EDGE, **EDGE_LINE)]
        finish(figure, "Bellman-loss gap on fresh predictors", entries, _caption(records, table))
    return figure


def _styles(table: pd.DataFrame) -> dict[str, ArmStyle]:
    matching = set(table.loc[table["predictors"].notna(), "arm"])
    return {
        arm: style if arm in matching else style.thin(LEVEL_WIDTH)
        for arm, style in arm_styles(table["arm"]).items()
    }


def _panel(group: pd.DataFrame) -> Panel:
    """Sizes of one dataset stand beside its judges, so both go by the panel's ``learner``."""
    first = group.iloc[0]
    size = "" if pd.isna(first["size"]) else f", {first['size']} transitions"
    return Panel(
        first["dataset"], f"{first['judge']} judge{size}", note=f"d = {first['dimension']}"
    )


def _caption(records: list[RunRecord], table: pd.DataFrame) -> str:
    return (
        f"{provenance(records)}. |loss / loss on the full data − 1| over fresh predictors: median "
        "over predictors, then over seeds, with its range over seeds. The judge is how "
        "actions enter the fresh predictors. Arms that match no predictors are horizontal lines. "
        "q = A(d + 1) + 1 for A actions."
        f"{floor_note(table[_BOUNDS].to_numpy(), FRESH_FLOOR)}"
    )


def _draw_panel(axis: Axes, table: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    axis.axvline(table["identifiable"].iloc[0], label=EDGE, **EDGE_LINE)
    for arm in [arm for arm in styles if arm in set(table["arm"])]:
        rows = table[table["arm"] == arm].sort_values("predictors")
        low, middle, high = np.maximum(rows[_BOUNDS].to_numpy().T, FRESH_FLOOR)
        style = styles[arm]
        if rows["predictors"].isna().all():
            axis.axhline(middle[0], label=arm, **style.options())
            continue
        predictors = rows["predictors"].to_numpy(dtype=float)
        axis.fill_between(
            predictors, low, high, color=style.colour, alpha=BAND_OPACITY, linewidth=0, label=arm
        )
        axis.plot(predictors, middle, label=arm, **style.options())
