"""The figure of regression: test error against size."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.analysis.captions import provenance
from harness.analysis.drawing import checked, draw_sizes, legend_entries
from harness.analysis.errors import compare_errors
from harness.analysis.frame import FULL
from harness.analysis.panels import Panel, finish, panel_grid
from harness.analysis.styles import arm_styles
from harness.core.errors import InputError
from harness.core.figure_style import figure_style
from harness.core.records import RunRecord

LOG_SPREAD = 10.0  # where the ratios of a dataset spread wider, their axis is logarithmic


def plot_size_errors(records: Iterable[RunRecord]) -> Figure:
    """Plot the ratio of test MSE to that of ``full`` against size.

    There is a panel for each dataset and learner. The values are those of
    `harness.analysis.comparison`; ``full`` is the line at one.

    Raises:
        InputError: If no run was completed, the runs did not measure test MSE, or no other arm
            shares a trial with ``full``.
    """
    records = checked(records, "test MSE")
    table = compare_errors(records)
    table = table[table["ratio"].notna()]
    if set(table["arm"]) <= {FULL}:
        raise InputError(
            "no run shares its trial with a completed run of 'full', which ratios are taken to: "
            "add the reducer 'full' to the suite and run it again"
        )
    styles = arm_styles(table["arm"])
    panels = {Panel.of(key): group for key, group in table.groupby(["dataset", "learner"])}
    wide = {name for name, rows in table.groupby("dataset") if _spread(rows) > LOG_SPREAD}
    with figure_style():
        figure, axes = panel_grid(list(panels), "synthetic or kept rows", "test MSE, ratio to full")
        for axis, (panel, group) in zip(axes, panels.items(), strict=True):
            draw_sizes(axis, group, "ratio", styles)
            if panel.dataset in wide:
                _set_log_ratios(axis)
        caption = (
            f"{provenance(records)}. Mean over trials of test MSE divided by that of full, same "
            "split and learner, with its 95\u00a0% percentile bootstrap interval."
        )
        finish(figure, "Test error against size", legend_entries(styles), caption)
    return figure


def _spread(table: pd.DataFrame) -> float:
    drawn = table[["ratio", "ratio_low", "ratio_high"]].to_numpy()
    return float(np.nanmax(drawn) / np.nanmin(drawn))


def _set_log_ratios(axis: Axes) -> None:
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
