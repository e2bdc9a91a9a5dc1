"""Worst-case gaps side by side: what is left undetermined by so many predictors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.captions import provenance
from harness.analysis.columns import Column, shared, small, tabulate, with_interval
from harness.analysis.figures.drawing import BAND_OPACITY, legend_entries
from harness.analysis.figures.panels import Panel, finish, panel_grid
from harness.analysis.figures.predictors import (
    EDGE,
    EDGE_LINE,
    floor_note,
    set_gaps,
    set_predictors,
)
from harness.analysis.figures.styles import ArmStyle, arm_styles
from harness.analysis.frame import KEYS, arm_rank, frame_of, in_order, run_keys
from harness.analysis.metrics.base import Chart, Metric, checked
from harness.analysis.metrics.verdicts import tell_least
from harness.core.errors import InputError
from harness.core.presentation.figure_style import figure_style
from harness.core.records import MeasuredResult, RunRecord

NAME = "worst-case gap"
COLUMNS = {
    **shared("dataset", "dimension", "size", "predictors", "identifiable", "arm", "seeds"),
    **with_interval("gap", small, "worst-case gap", "gap range"),
    "relative_gap": Column("float64", small, "relative gap"),
    **shared("seconds_reduction"),
}
DEFINITIONS = (
    "d: features; k: regressors whose losses were matched; q = d + 1",
    "q(q+1)/2: regressors that determine every loss",
    "worst-case gap: largest difference of loss over regressors of norm ≤ 1, median over seeds, "
    "with its range over seeds",
    "relative gap: the same divided by the largest loss on the training data, median over seeds",
    "seconds: medians of wall time, which differ between machines",
)
GAP_FLOOR = 1e-16  # smaller gaps, zero included, are drawn here
_BOUNDS = ["gap_low", "gap", "gap_high"]
PAPER_PREDICTORS = 100
PAPER = f"{PAPER_PREDICTORS} predictors, as in the paper"
PAPER_MARK: dict[str, Any] = {
    "marker": "o",
    "markersize": 12,
    "markerfacecolor": "none",
    "markeredgecolor": "#333333",
    "markeredgewidth": 1.0,
    "linestyle": "none",
}
_GAP_TYPES = KEYS | {
    "run_id": "str",
    "dimension": "int64",
    "predictors": "Int64",
    "identifiable": "int64",
    "gap": "float64",
    "relative_gap": "float64",
    "seconds_reduction": "float64",
}


def compare_gaps(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the worst-case gaps of the arms at every number of predictors.

    An arm is a reducer's name here, whatever its label. Failed runs are left out: the number of
    their predictors is not known.

    Returns:
        One row a dataset, size, number of predictors and arm, with the columns of
        ``COLUMNS``; ``gap`` is the median over seeds, from ``gap_low`` to ``gap_high`` in
        all, ``relative_gap`` and the seconds are medians.
    """
    runs = gaps_frame(records)
    rows = [
        _arm_row(block[block["arm"] == arm])
        for _, block in runs.groupby(["dimension", "dataset", "size", "predictors"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
    ]
    return tabulate(rows, COLUMNS)


def gaps_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Tabulate the worst-case gaps of completed regression runs.

    Returns:
        One row a run: the run's keys, with the reducer's name for its arm; ``dimension`` d of the
        features, number of ``predictors`` that were matched (missing if the reducer matches
        none), ``identifiable`` q(q+1)/2 with q = d + 1, the ``gap``, and the ``relative_gap`` to
        the largest loss of a regressor of norm one on the training data.
    """
    rows = (
        _gap_row(record, record.result)
        for record in in_order(records)
        if isinstance(record.result, MeasuredResult)
    )
    return frame_of(rows, _GAP_TYPES)


def _gap_row(record: RunRecord, result: MeasuredResult) -> dict[str, Any]:
    details = result.details
    return run_keys(record) | {
        "arm": record.spec.reducer.name,
        "dimension": details["dimension"],
        "predictors": details.get("predictors", math.nan),
        "identifiable": details["identifiable"],
        "gap": result.value,
        "relative_gap": result.value / details["training_scale"],
        "seconds_reduction": result.seconds.reduction,
    }


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    first = runs.iloc[0]
    keys = ("dataset", "dimension", "size", "predictors", "identifiable", "arm")
    return {
        **{key: first[key] for key in keys},
        "seeds": runs["seed"].nunique(),
        "gap": runs["gap"].median(),
        "gap_low": runs["gap"].min(),
        "gap_high": runs["gap"].max(),
        "relative_gap": runs["relative_gap"].median(),
        "seconds_reduction": runs["seconds_reduction"].median(),
    }


def plot_identifiability(records: Iterable[RunRecord]) -> Figure:
    """Plot the worst-case loss gap against the number of predictors, a panel for each dataset.

    Lines are medians over seeds and bands their ranges, as in the comparison. A
    vertical line stands at q(q+1)/2, the least number that determines every loss; the paper's
    number is ringed. Reducers that match no predictors are left out.

    Raises:
        InputError: If no run was completed, the runs did not measure worst-case gaps, or no
            reducer matched predictors.
    """
    records = checked(records, NAME)
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


def _draw_gaps(axis: Axes, table: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    axis.axvline(table["identifiable"].iloc[0], label=EDGE, **EDGE_LINE)
    for arm in [arm for arm in styles if arm in set(table["arm"])]:
        _draw_arm(axis, table[table["arm"] == arm].sort_values("predictors"), styles[arm])


def _draw_arm(axis: Axes, rows: pd.DataFrame, style: ArmStyle) -> None:
    arm, predictors = rows["arm"].iloc[0], rows["predictors"].to_numpy()
    low, middle, high = np.maximum(rows[_BOUNDS].to_numpy().T, GAP_FLOOR)
    axis.fill_between(
        predictors, low, high, color=style.colour, alpha=BAND_OPACITY, linewidth=0, label=arm
    )
    axis.plot(predictors, middle, label=arm, **style.options())
    ringed = predictors == PAPER_PREDICTORS
    axis.plot(predictors[ringed], middle[ringed], label=PAPER, **PAPER_MARK)


def draw_gaps(records: Sequence[RunRecord]) -> dict[str, Figure]:
    """Draw the figure ``identifiability``."""
    return {"identifiability": plot_identifiability(records)}


WORST_CASE_GAP = Metric(
    name=NAME,
    task="regression",
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_gaps,
    figures=draw_gaps,
    runs=gaps_frame,
    charts=(
        Chart(
            title="Worst-case gap",
            value="gap",
            against="predictors",
            axis="predictors k",
            floor=GAP_FLOOR,
        ),
    ),
    verdict=lambda _, comparison: tell_least(comparison, "gap", COLUMNS, NAME),
)
