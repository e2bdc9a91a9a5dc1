"""Bellman-loss gaps on fresh predictors side by side: how many predictors matching needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.captions import provenance
from harness.analysis.columns import TEXT, Column, percent, shared, tabulate, with_interval
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
from harness.analysis.frame import KEYS, arm_rank, beside_every_size, frame_of, in_order, run_keys
from harness.analysis.metrics.base import Chart, Metric, checked
from harness.analysis.metrics.verdicts import sets_alone, tell_least
from harness.core.presentation.figure_style import figure_style
from harness.core.records import MeasuredResult, RunRecord

NAME = "fresh gap"
COLUMNS = {
    **shared("dataset", "dimension", "size"),
    "judge": TEXT,
    **shared("arm", "predictors", "seeds"),
    **with_interval("fresh_gap", percent, "fresh gap", "fresh gap range"),
    "percentile_95": Column("float64", percent, "95th percentile"),
    "largest": Column("float64", percent),
    **shared("identifiable", "seconds_reduction"),
}
DEFINITIONS = (
    "fresh gap: each run's median over fresh predictors, which no reducer has matched, of "
    "|loss / loss on the full data − 1|, median over seeds, with its range over seeds",
    "95th percentile and largest: the same over fresh predictors, medians over seeds",
    "judge: how actions enter the fresh predictors; bellman-additive and bellman-product: how they "
    "enter the matched ones",
    "d: length of a state; k: predictors whose losses were matched",
    "q(q+1)/2: coefficients of a product predictor's loss, with q = A(d + 1) + 1 for A actions",
    "seconds: medians of wall time, which differ between machines",
)
FRESH_FLOOR = 1e-5  # smaller gaps are drawn here: they would squeeze those that matter
LEVEL_WIDTH = 1.3  # of the line of an arm that matches no predictors, in points
_BOUNDS = ["fresh_gap_low", "fresh_gap", "fresh_gap_high"]
_FRESH_TYPES = KEYS | {
    "run_id": "str",
    "judge": "str",
    "dimension": "int64",
    "predictors": "Int64",
    "identifiable": "int64",
    "gap": "float64",
    "percentile_95": "float64",
    "largest": "float64",
    "seconds_reduction": "float64",
}


def compare_fresh(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms' gaps on fresh predictors, for every dataset, size and judge.

    An arm is a reducer's name here, whatever its label, for ``bellman`` also how actions enter
    its predictors, and what labels and a control add. The arm ``full`` is repeated beside every
    size. Failed runs are left out: the number of their predictors is not known.

    Returns:
        One row an arm and number of predictors with the columns of ``COLUMNS``:
        ``predictors`` is missing where an arm matches none; ``fresh_gap`` is the median over
        seeds of each run's median relative gap, from ``fresh_gap_low`` to ``fresh_gap_high`` in
        all; ``percentile_95``, ``largest`` and the seconds are medians over seeds.
    """
    runs = beside_every_size(fresh_frame(records))
    rows = [
        _arm_row(same)
        for _, block in runs.groupby(["dimension", "dataset", "size", "judge"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
        for _, same in block[block["arm"] == arm].groupby("predictors", dropna=False)
    ]
    return tabulate(rows, COLUMNS)


def fresh_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Tabulate the gaps on fresh predictors of completed control runs.

    Returns:
        One row a run: the run's keys, with the reducer's name for its arm, for ``bellman`` also how
        actions enter its predictors, and what labels and a control add; ``judge``, how they enter
        the fresh ones; ``dimension`` of a state; number of ``predictors`` that were matched
        (missing if the reducer matches none); ``identifiable`` q(q+1)/2, q numbers making a
        product predictor and its reward scale; the relative ``gap`` of the median predictor, of
        the one at ``percentile_95``, and the ``largest``.
    """
    rows = (
        _fresh_row(record, record.result)
        for record in in_order(records)
        if isinstance(record.result, MeasuredResult)
    )
    return frame_of(rows, _FRESH_TYPES)


def _fresh_row(record: RunRecord, result: MeasuredResult) -> dict[str, Any]:
    reducer, parameters = record.spec.reducer, cast(Any, result.reduction.parameters)
    if reducer.labels is not None:  # those of what made the rows
        parameters = parameters["reducer"]["parameters"]
    matched = f"-{parameters['actions']}" if reducer.name == "bellman" else ""
    details = ("dimension", "identifiable", "percentile_95", "largest")
    return run_keys(record) | {
        "arm": f"{reducer.name}{matched}{reducer.suffix}",
        "judge": result.learner_parameters["actions"],
        "predictors": parameters.get("predictors", math.nan),
        "gap": result.value,
        **{detail: result.details[detail] for detail in details},
        "seconds_reduction": result.seconds.reduction,
    }


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    first = runs.iloc[0]
    keys = ("dataset", "dimension", "size", "judge", "arm", "predictors", "identifiable")
    return {
        **{key: first[key] for key in keys},
        "seeds": runs["seed"].nunique(),
        "fresh_gap": runs["gap"].median(),
        "fresh_gap_low": runs["gap"].min(),
        "fresh_gap_high": runs["gap"].max(),
        **{name: runs[name].median() for name in ("percentile_95", "largest")},
        "seconds_reduction": runs["seconds_reduction"].median(),
    }


def plot_fresh_gaps(records: Iterable[RunRecord]) -> Figure:
    """Plot the gap on fresh predictors against the number that was matched.

    There is a panel for each dataset, judge and size. The values are those of
    the comparison; bands are ranges over seeds. Arms that match no predictors are
    thin horizontal lines; a vertical line stands at q(q+1)/2.

    Raises:
        InputError: If no run was completed, or the runs did not measure fresh gaps.
    """
    records = checked(records, NAME)
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


def draw_fresh(records: Sequence[RunRecord]) -> dict[str, Figure]:
    """Draw the figure ``fresh-gap``."""
    return {"fresh-gap": plot_fresh_gaps(records)}


FRESH_GAP = Metric(
    name=NAME,
    task="control",
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_fresh,
    figures=draw_fresh,
    runs=fresh_frame,
    charts=(
        Chart(
            title="Fresh gap",
            value="fresh_gap",
            against="predictors",
            axis="predictors k",
            floor=FRESH_FLOOR,
        ),
    ),
    verdict=lambda records, comparison: tell_least(
        sets_alone(comparison, records), "fresh_gap", COLUMNS, NAME
    ),
)
