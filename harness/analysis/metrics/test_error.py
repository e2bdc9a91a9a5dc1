"""Test errors of the arms side by side, and as ratios to full data trial by trial."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.analysis.captions import provenance
from harness.analysis.columns import shared, significant, tabulate, with_interval
from harness.analysis.figures.drawing import draw_sizes, legend_entries
from harness.analysis.figures.panels import Panel, finish, panel_grid
from harness.analysis.figures.styles import arm_styles
from harness.analysis.frame import FULL, arm_rank, beside_every_size, runs_frame
from harness.analysis.metrics.base import Chart, Metric, checked
from harness.analysis.metrics.verdicts import rows_of, sets_alone, smallest, tell_tasks, written
from harness.analysis.statistics import estimate, mean
from harness.core.errors import InputError
from harness.core.presentation.figure_style import figure_style
from harness.core.records import RunRecord

NAME = "test MSE"
COLUMNS = {
    **shared("dataset", "size", "learner", "arm", "rows", "trials", "failed"),
    **with_interval("error", significant, "test MSE", "MSE interval"),
    **with_interval("ratio", significant, "ratio to full"),
    **shared("seconds_reduction", "seconds_training"),
}
DEFINITIONS = (
    "a trial is a seed with a split of its own",
    "test MSE: mean over trials, as the paper reports",
    "ratio to full: mean over trials of MSE / MSE of full, same split and learner",
    "interval: 95 % percentile bootstrap of the mean over trials; none for one trial",
    "full repeated beside every size",
    "seconds: medians of wall time, which differ between machines",
)
NEAR = 1.1  # ratio to the error of full data up to which a set counts as near to them
ERROR_FLOOR = 1e-12  # smaller errors and ratios, zero included, are drawn here
ROWS = "synthetic or kept rows"  # label of the axis of sizes
LOG_SPREAD = 10.0  # where the ratios of a dataset spread wider, their axis is logarithmic


def compare_errors(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Compare the arms of every dataset, size and learner.

    The arm ``full`` is repeated beside every size. Failed runs are counted and never averaged.

    Returns:
        One row an arm with the columns of ``COLUMNS``: ``rows`` is the median number of
        rows trained on, ``trials`` and ``failed`` count runs, ``error`` is the mean test MSE
        over trials, ``ratio`` the mean over trials of the MSE divided by that of ``full`` in the
        same trial, each with a 95 % interval from ``_low`` to ``_high``; a trial without
        ``full`` has no ratio; seconds are medians.
    """
    runs = beside_every_size(_with_ratios(runs_frame(records)))
    rows = [
        _arm_row(block[block["arm"] == arm])
        for _, block in runs.groupby(["dataset", "size", "learner"], dropna=False)
        for arm in sorted(block["arm"].unique(), key=arm_rank)
    ]
    return tabulate(rows, COLUMNS)


def _with_ratios(runs: pd.DataFrame) -> pd.DataFrame:
    """Add to every run its headline as a ``ratio`` to that of ``full`` in the same trial.

    The ratio is missing where either run failed or is absent, or the full data leave no error.
    """
    trial = ["dataset", "learner", "seed"]
    full = runs[runs["arm"] == FULL].set_index(trial)["headline"].rename("full_headline")
    joined = runs.join(full.where(full > 0), on=trial)
    ratio = joined["headline"] / joined["full_headline"]
    return joined.assign(ratio=ratio).drop(columns="full_headline")


def _arm_row(runs: pd.DataFrame) -> dict[str, Any]:
    done = runs[runs["status"] == "completed"]
    first = runs.iloc[0]
    return {
        **{key: first[key] for key in ("dataset", "size", "learner", "arm")},
        "rows": round(done["rows"].median()) if len(done) else pd.NA,
        "trials": done["seed"].nunique(),
        "failed": len(runs) - len(done),
        **estimate("error", [done["headline"].to_numpy()], mean),
        **estimate("ratio", [done["ratio"].dropna().to_numpy()], mean),
        "seconds_reduction": done["seconds_reduction"].median(),
        "seconds_training": done["seconds_training"].median(),
    }


def plot_size_errors(records: Iterable[RunRecord]) -> Figure:
    """Plot the ratio of test MSE to that of ``full`` against size.

    There is a panel for each dataset and learner. The values are those of
    the comparison; ``full`` is the line at one.

    Raises:
        InputError: If no run was completed, the runs did not measure test MSE, or no other arm
            shares a trial with ``full``.
    """
    records = checked(records, NAME)
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
        figure, axes = panel_grid(list(panels), ROWS, "test MSE, ratio to full")
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


def draw_errors(records: Sequence[RunRecord]) -> dict[str, Figure]:
    """Draw the figure ``size-error``, if any run has a size."""
    sized = any(record.spec.size is not None for record in records)
    return {"size-error": plot_size_errors(records)} if sized else {}


def tell_near(records: Sequence[RunRecord], comparison: pd.DataFrame) -> str:
    """Say where a set comes near to the error of full data, and which the smallest is that does.

    Of sets of one size it is the one of the lowest ratio, and where none comes near, that of all.

    Args:
        records: Those that were compared.
        comparison: What `compare_errors` returned for them.
    """
    sets = sets_alone(comparison, records)
    sets = sets[sets["ratio"].notna()]
    if sets.empty:
        return "No set can be held against full data: there is none, or full data were not run."
    near = sets["ratio"] <= NEAR
    row = smallest(sets, near, sets["ratio"])
    full = rows_of(records, row["dataset"])
    return (
        f"In {tell_tasks(sets, near)} a set comes within {100 * (NEAR - 1):.0f} % of the test "
        f"error of full data; {'the smallest' if near.any() else 'the best'} of {len(sets)} sets: "
        f"{row['size']} of {full:,} rows by {row['arm']}, learner {row['learner']} on "
        f"{row['dataset']}, ratio {written(row, 'ratio', COLUMNS)} over {row['trials']} trials."
    )


TEST_ERROR = Metric(
    name=NAME,
    task="regression",
    is_default=True,
    columns=COLUMNS,
    definitions=DEFINITIONS,
    compare=compare_errors,
    figures=draw_errors,
    charts=(
        Chart(
            title="Test MSE, ratio to full",
            value="ratio",
            against="size",
            axis=ROWS,
            floor=ERROR_FLOOR,
        ),
        Chart(title=NAME, value="error", against="size", axis=ROWS, floor=ERROR_FLOOR),
    ),
    verdict=tell_near,
)
