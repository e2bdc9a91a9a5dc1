"""Figures: return against gradient steps, and return against size."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from harness.analysis.captions import provenance
from harness.analysis.comparison import ALL_DATASETS, comparison
from harness.analysis.frame import FULL, beside_every_size, curves_frame, runs_frame
from harness.analysis.panels import Panel, finish, panel_grid
from harness.analysis.statistics import bootstrap_interval, interquartile_mean
from harness.analysis.styles import ArmStyle, arm_styles, figure_style
from harness.errors import InputError
from harness.files import write_whole
from harness.records import RunRecord, read_records

BAND_OPACITY = 0.16
MARKERS_PER_CURVE = 6
LONE_SIZE_RANGE = 2.0  # the size axis spans the one size, divided and multiplied by this
RANDOM_POLICY = "random policy"
RANDOM_POLICY_LINE: dict[str, Any] = {"color": "#777777", "linestyle": ":", "linewidth": 1.4}


def plot_learning_curves(records: Iterable[RunRecord]) -> Figure:
    """Plot return against gradient steps, a panel for each dataset, size and learner.

    Lines are inter-quartile means over seeds and bands their 95 % bootstrap intervals, at the
    checkpoints that all seeds of an arm share. ``full`` is repeated in every panel.

    Raises:
        InputError: If no run was completed.
    """
    records = _checked(records)
    curves = beside_every_size(curves_frame(records))
    styles = arm_styles(curves["arm"])
    groups = curves.groupby(["dataset", "learner", "size"], dropna=False)
    panels = {_panel(key): group for key, group in groups}
    with figure_style():
        figure, axes = panel_grid(list(panels), "gradient steps")
        for axis, group in zip(axes, panels.values(), strict=True):
            _draw_curves(axis, group, styles)
        caption = _caption(records, "each checkpoint's mean return")
        finish(figure, "Return against gradient steps", _handles(styles), caption)
    return figure


def plot_size_curves(records: Iterable[RunRecord]) -> Figure:
    """Plot headline return against size, a panel for each dataset and learner.

    The values are those of `harness.analysis.comparison`. ``full`` is a horizontal line with a
    band, the random policy's return a dotted one. Where there is one size, points with error
    bars stand side by side.

    Raises:
        InputError: If no run was completed.
    """
    records = _checked(records)
    table = comparison(records)
    table = table[(table["dataset"] != ALL_DATASETS) & table["return"].notna()]
    floors = runs_frame(records).groupby("dataset")["reference_min"].median()
    styles = arm_styles(table["arm"])
    panels = {_panel(key): group for key, group in table.groupby(["dataset", "learner"])}
    with figure_style():
        figure, axes = panel_grid(list(panels), "synthetic or kept transitions")
        for axis, (panel, group) in zip(axes, panels.items(), strict=True):
            axis.axhline(floors[panel.dataset], label=RANDOM_POLICY, **RANDOM_POLICY_LINE)
            _draw_sizes(axis, group, styles)
        handles = [*_handles(styles), Line2D([], [], label=RANDOM_POLICY, **RANDOM_POLICY_LINE)]
        caption = _caption(records, "each run's mean of the last three checkpoints")
        finish(figure, "Return against size", handles, caption)
    return figure


def write_figures(directory: Path) -> list[Path]:
    """Write ``DIRECTORY/figures/{learning-curves,size-return}.{png,svg}`` from its records.

    The same records and library versions give the same bytes.

    Raises:
        InputError: If there are no readable records, or none of a completed run.
    """
    records = list(read_records(directory))
    figures = {
        "learning-curves": plot_learning_curves(records),
        "size-return": plot_size_curves(records),
    }
    return [
        write_whole(directory / "figures" / f"{name}.{kind}", _encode(figure, kind))
        for name, figure in figures.items()
        for kind in ("png", "svg")
    ]


def _encode(figure: Figure, kind: str) -> bytes:
    content = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    with figure_style():
        figure.savefig(content, format=kind, dpi=160, metadata=metadata)
    return content.getvalue()


def _checked(records: Iterable[RunRecord]) -> list[RunRecord]:
    checked = list(records)
    if all(record.result is None for record in checked):
        raise InputError(
            f"0 of {len(checked)} runs completed: a figure needs one; read `error` in a record, "
            "mend the cause and run the suite again"
        )
    return checked


def _panel(key: Any) -> Panel:
    dataset, learner, *size = key
    return Panel(dataset, learner, *(int(value) for value in size if pd.notna(value)))


def _handles(styles: dict[str, ArmStyle]) -> list[Line2D]:
    return [Line2D([], [], label=arm, **style.options()) for arm, style in styles.items()]


def _caption(records: Sequence[RunRecord], what: str) -> str:
    return (
        f"{provenance(records)}. Inter-quartile mean over seeds of {what}, "
        "with its 95\u00a0% percentile bootstrap interval."
    )


def _draw_curves(axis: Axes, curves: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    present = [arm for arm in styles if arm in set(curves["arm"])]
    for turn, arm in enumerate(present):
        runs = curves[curves["arm"] == arm].pivot(
            index="step", columns="seed", values="mean_return"
        )
        shared = runs.dropna()
        low, high = bootstrap_interval(shared.to_numpy())
        steps = shared.index.to_numpy()
        every = max(1, len(steps) // MARKERS_PER_CURVE)
        axis.fill_between(
            steps, low, high, color=styles[arm].colour, alpha=BAND_OPACITY, linewidth=0, label=arm
        )
        axis.plot(
            steps,
            interquartile_mean(shared.to_numpy()),
            label=arm,
            markevery=(turn % every, every),
            **styles[arm].options(),
        )
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.xaxis.set_major_locator(MaxNLocator(5))


def _draw_sizes(axis: Axes, table: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    sizes = np.sort(table["size"].dropna().unique().astype(float))
    arms = [arm for arm in styles if arm != FULL and arm in set(table["arm"])]
    _draw_full(axis, table[table["arm"] == FULL], styles)
    for turn, arm in enumerate(arms):
        rows = table[table["arm"] == arm].sort_values("size")
        if len(sizes) > 1:
            _draw_size_curve(axis, rows, arm, styles[arm])
        else:
            place = (2 * turn + 1) / len(arms) - 1  # within -1..1
            _draw_point(axis, rows, LONE_SIZE_RANGE ** (0.8 * place), arm, styles[arm])
    _set_sizes(axis, sizes)


def _draw_full(axis: Axes, rows: pd.DataFrame, styles: dict[str, ArmStyle]) -> None:
    if rows.empty:
        return
    first = rows.iloc[0]
    style = styles[FULL]
    if pd.notna(first["return_low"]):
        low, high = first["return_low"], first["return_high"]
        axis.axhspan(low, high, color=style.colour, alpha=BAND_OPACITY / 2, linewidth=0)
    axis.axhline(first["return"], label=FULL, **style.options())


def _draw_size_curve(axis: Axes, rows: pd.DataFrame, arm: str, style: ArmStyle) -> None:
    sizes = rows["size"].to_numpy(dtype=float)
    axis.fill_between(
        sizes,
        rows["return_low"],
        rows["return_high"],
        color=style.colour,
        alpha=BAND_OPACITY,
        linewidth=0,
        label=arm,
    )
    axis.plot(sizes, rows["return"], label=arm, **style.options())


def _draw_point(axis: Axes, rows: pd.DataFrame, shift: float, arm: str, style: ArmStyle) -> None:
    sizes = rows["size"].to_numpy(dtype=float) * shift
    below = rows["return"] - rows["return_low"]
    above = rows["return_high"] - rows["return"]
    axis.errorbar(
        sizes,
        rows["return"],
        yerr=np.stack([below, above]),
        color=style.colour,
        marker=style.marker,
        linestyle="none",
        capsize=2.5,
        elinewidth=1.2,
        label=arm,
    )


def _set_sizes(axis: Axes, sizes: np.ndarray) -> None:
    axis.xaxis.grid(False)
    if not len(sizes):
        axis.xaxis.set_major_locator(NullLocator())
        return
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    margin = (sizes[-1] / sizes[0]) ** 0.08 if len(sizes) > 1 else LONE_SIZE_RANGE
    axis.set_xlim(sizes[0] / margin, sizes[-1] * margin)
