"""What figures share: which records they take, legends, curves and points against size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from harness.analysis.figures.styles import ArmStyle
from harness.analysis.frame import FULL

BAND_OPACITY = 0.16
MOST_BANDS = 4  # curves whose bands can still be told apart; more of them get error bars
DODGE = 0.35  # share of the gap between neighbouring sizes that the error bars of one size take
LONE_SIZE_REACH = 1.75  # the error bars of the one size stand within it, divided and multiplied
RANDOM_POLICY = "random policy"
RANDOM_POLICY_LINE: dict[str, Any] = {"color": "#777777", "linestyle": ":", "linewidth": 1.4}


def legend_entries(styles: dict[str, ArmStyle]) -> list[Line2D]:
    """One legend entry an arm."""
    return [Line2D([], [], label=arm, **style.options()) for arm, style in styles.items()]


def random_policy_entry() -> Line2D:
    """The legend entry of the random policy's return."""
    return Line2D([], [], label=RANDOM_POLICY, **RANDOM_POLICY_LINE)


def draw_sizes(axis: Axes, table: pd.DataFrame, column: str, styles: dict[str, ArmStyle]) -> None:
    """Draw a column of a comparison and its interval against size, an arm a line.

    ``full`` is a horizontal line with a band. Intervals are bands, or with more arms than
    ``MOST_BANDS`` error bars side by side. Where there is one size, there are points for lines.
    """
    sizes = np.sort(table["size"].dropna().unique().astype(float))
    arms = [arm for arm in styles if arm != FULL and arm in set(table["arm"])]
    values = table[["arm", "size"]].assign(
        value=table[column], low=table[f"{column}_low"], high=table[f"{column}_high"]
    )
    _draw_full(axis, values[values["arm"] == FULL], styles)
    lone = len(sizes) <= 1
    reach = LONE_SIZE_REACH if lone else (sizes[1:] / sizes[:-1]).min() ** (DODGE / 2)
    for turn, arm in enumerate(arms):
        rows = values[values["arm"] == arm].sort_values("size")
        if len(arms) <= MOST_BANDS and not lone:
            _draw_band(axis, rows, arm, styles[arm])
        else:
            place = (2 * turn + 1) / len(arms) - 1  # within -1..1
            style = replace(styles[arm], line="none") if lone else styles[arm]
            _draw_bars(axis, rows, reach**place, arm, style)
    _set_sizes(axis, sizes, reach)


def _draw_full(axis: Axes, rows: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    if rows.empty:
        return
    first = rows.iloc[0]
    style = styles[FULL]
    if pd.notna(first["low"]):
        low, high = first["low"], first["high"]
        axis.axhspan(low, high, color=style.colour, alpha=BAND_OPACITY / 2, linewidth=0)
    axis.axhline(first["value"], label=FULL, **style.options())


def _draw_band(axis: Axes, rows: pd.DataFrame, arm: str, style: ArmStyle) -> None:
    sizes = rows["size"].to_numpy(dtype=float)
    axis.fill_between(
        sizes,
        rows["low"],
        rows["high"],
        color=style.colour,
        alpha=BAND_OPACITY,
        linewidth=0,
        label=arm,
    )
    axis.plot(sizes, rows["value"], label=arm, **style.options())


def _draw_bars(axis: Axes, rows: pd.DataFrame, shift: float, arm: str, style: ArmStyle) -> None:
    sizes = rows["size"].to_numpy(dtype=float) * shift
    below = rows["value"] - rows["low"]
    above = rows["high"] - rows["value"]
    axis.errorbar(
        sizes,
        rows["value"],
        yerr=np.stack([below, above]),
        capsize=2,
        elinewidth=1.1,
        label=arm,
        **style.options(),
    )


def _set_sizes(axis: Axes, sizes: np.ndarray, reach: float) -> None:
    axis.xaxis.grid(False)
    if not len(sizes):
        axis.xaxis.set_major_locator(NullLocator())
        return
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    margin = max((sizes[-1] / sizes[0]) ** 0.08, 1.05 * reach)
    axis.set_xlim(sizes[0] / margin, sizes[-1] * margin)
