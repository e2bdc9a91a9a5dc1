"""The figure of the theory: what so many predictors leave undetermined."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.analysis.captions import provenance
from harness.analysis.drawing import BAND_OPACITY, checked, legend_entries
from harness.analysis.gaps import compare_gaps
from harness.analysis.panels import Panel, finish, panel_grid
from harness.analysis.styles import ArmStyle, arm_styles
from harness.core.errors import InputError
from harness.core.figure_style import figure_style
from harness.core.records import RunRecord

GAP_FLOOR = 1e-16  # smaller gaps, zero included, are drawn here
_BOUNDS = ["gap_low", "gap", "gap_high"]
GAP_TICKS = 5  # spaces between ticks, at most
PAPER_PREDICTORS = 100
EDGE = "q(q+1)/2 predictors"
EDGE_LINE: dict[str, Any] = {"color": "#777777", "linestyle": ":", "linewidth": 1.4}
PAPER = f"{PAPER_PREDICTORS} predictors, as in the paper"
PAPER_MARK: dict[str, Any] = {
    "marker": "o",
    "markersize": 12,
    "markerfacecolor": "none",
    "markeredgecolor": "#333333",
    "markeredgewidth": 1.0,
    "linestyle": "none",
}


def plot_identifiability(records: Iterable[RunRecord]) -> Figure:
    """Plot the worst-case loss gap against the number of predictors, a panel for each dataset.

    Lines are medians over seeds and bands their ranges, as in `harness.analysis.comparison`. A
    vertical line stands at q(q+1)/2, the least number that determines every loss; the paper's
    number is ringed. Reducers that match no predictors are left out.

    Raises:
        InputError: If no run was completed, the runs did not measure worst-case gaps, or no
            reducer matched predictors.
    """
    records = checked(records, "worst-case gap")
    table = compare_gaps(records)
    table = table[table["predictors"].notna()].astype({"predictors": "int64"})
    if table.empty:
        raise InputError(
            "no reducer matched predictors, which gaps are drawn against: add loss-matching to "
            "the suite and run it again"
        )
    styles = arm_styles(table["arm"])
    sized = table["size"].nunique() > 1
    panels = {
        _panel(group, sized): group
        for _, group in table.groupby(["dimension", "dataset", "size"], dropna=False)
    }
    with figure_style():
        figure, axes = panel_grid(list(panels), "predictors k", "worst-case gap", share_all=True)
        for axis, group in zip(axes, panels.values(), strict=True):
            _draw_gaps(axis, group, styles)
            set_predictors(axis)
        set_gaps(axes[0], table[_BOUNDS].to_numpy(), GAP_FLOOR)
        entries = [*legend_entries(styles), *_marks(table)]
        finish(figure, "What k predictors leave undetermined", entries, _caption(records, table))
    return figure


def _panel(group: pd.DataFrame, sized: bool) -> Panel:
    first = group.iloc[0]
    size = f", {first['size']} points" if sized else ""
    note = f"d = {first['dimension']}{size}, q(q+1)/2 = {first['identifiable']}"
    return Panel(first["dataset"], note=note)


def _marks(table: pd.DataFrame) -> list[Line2D]:
    edge = Line2D([], [], label=EDGE, **EDGE_LINE)
    if (table["predictors"] == PAPER_PREDICTORS).any():
        return [edge, Line2D([], [], label=PAPER, **PAPER_MARK)]
    return [edge]


def _caption(records: list[RunRecord], table: pd.DataFrame) -> str:
    return (
        f"{provenance(records)}. Largest difference of loss over regressors of norm ≤ 1: median "
        "over seeds, with its range. q = d + 1."
        f"{floor_note(table[_BOUNDS].to_numpy(), GAP_FLOOR)}"
    )


def floor_note(gaps: np.ndarray, floor: float) -> str:
    """Say in a caption that gaps below a floor are drawn at it, if any of ``gaps`` is."""
    if gaps.min() >= floor:
        return ""
    return f" Gaps below {_power(floor)}, zero included, are drawn there."


def _draw_gaps(axis: Axes, table: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    axis.axvline(table["identifiable"].iloc[0], label=EDGE, **EDGE_LINE)
    for arm in [arm for arm in styles if arm in set(table["arm"])]:
        _draw_arm(axis, table[table["arm"] == arm].sort_values("predictors"), styles[arm])


def set_predictors(axis: Axes) -> None:
    """Make the horizontal axis one of numbers of predictors."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))


def set_gaps(axis: Axes, gaps: np.ndarray, floor: float) -> None:
    """Set the vertical axis that all panels share.

    Args:
        axis: Any of the panels.
        gaps: All that are drawn, of any shape.
        floor: A power of ten, where smaller gaps are drawn; a tick where in use.
    """
    axis.set_yscale("log")
    drawn = np.log10(np.maximum(gaps, floor))
    lowest, highest = math.floor(drawn.min()), math.ceil(drawn.max())
    step = max(1, math.ceil((highest - lowest) / GAP_TICKS))
    ticks = 10.0 ** np.arange(lowest, highest + 1, step)
    floored = ticks[0] if gaps.min() < floor else 0.0
    axis.set_yticks(ticks, [f"{'≤ ' if tick == floored else ''}{_power(tick)}" for tick in ticks])
    axis.yaxis.set_minor_locator(NullLocator())


def _draw_arm(axis: Axes, rows: pd.DataFrame, style: ArmStyle) -> None:
    arm, predictors = rows["arm"].iloc[0], rows["predictors"].to_numpy()
    low, middle, high = np.maximum(rows[_BOUNDS].to_numpy().T, GAP_FLOOR)
    axis.fill_between(
        predictors, low, high, color=style.colour, alpha=BAND_OPACITY, linewidth=0, label=arm
    )
    axis.plot(predictors, middle, label=arm, **style.options())
    ringed = predictors == PAPER_PREDICTORS
    axis.plot(predictors[ringed], middle[ringed], label=PAPER, **PAPER_MARK)


def _power(gap: float) -> str:
    exponent = str(round(math.log10(gap)))
    return f"10{exponent.translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
