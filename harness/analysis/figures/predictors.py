"""Axes of gaps against the number of predictors that were matched."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

GAP_TICKS = 5  # spaces between ticks, at most
EDGE = "q(q+1)/2 predictors"
EDGE_LINE: dict[str, Any] = {"color": "#777777", "linestyle": ":", "linewidth": 1.4}


def floor_note(gaps: np.ndarray, floor: float) -> str:
    """Say in a caption that gaps below a floor are drawn at it, if any of ``gaps`` is."""
    if gaps.min() >= floor:
        return ""
    return f" Gaps below {_power(floor)}, zero included, are drawn there."


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


def _power(gap: float) -> str:
    exponent = str(round(math.log10(gap)))
    return f"10{exponent.translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
