"""The figure of `bellman-bench inspect`: returns, episode lengths, actions and states."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, MaxNLocator

from envs.formats.recording import Recording
from envs.inspection.inspect import Inspection
from envs.inspection.statistics import Statistics
from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.presentation.figure_style import figure_style
from harness.core.presentation.text import counted
from harness.core.storage.files import write_whole

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"  # of the Okabe-Ito palette
BINS = 31
STATE_ROWS = 100_000  # enough for a density estimate
BOX_ROWS = 10_000
ACTIONS_SHOWN = 24  # maximum number of columns shown
OTHER_FIGURES = (".eps", ".gif", ".jpeg", ".jpg", ".pdf", ".svg", ".tif", ".tiff", ".webp")
_COUNT = FuncFormatter(lambda count, _: f"{count:,.0f}")


def write_figure(recording: Recording, inspection: Inspection, target: Path) -> Path:
    """Draw a dataset into a PNG file, and return its path.

    Args:
        recording: The dataset.
        inspection: Its inspection.
        target: The path of a ``.png``, or a folder for ``inspect-<dataset>.png``.

    Raises:
        InputError: If the target is another kind of figure, or the file cannot be written.
    """
    path = _figure_path(recording, target)
    content = io.BytesIO()
    with figure_style():
        plot_inspection(recording, inspection).savefig(content, format="png", dpi=160)
    return write_whole(path, content.getvalue())


def _figure_path(recording: Recording, target: Path) -> Path:
    if target.suffix == ".png":
        return target
    if target.suffix in OTHER_FIGURES and not target.is_dir():
        raise InputError(f"figure {str(target)!r}: it is written as PNG; give a .png or a folder")
    return target / f"inspect-{_slug(recording.source)}.png"


def plot_inspection(recording: Recording, inspection: Inspection) -> Figure:
    """Draw returns, lengths, actions and the density of states in four panels."""
    statistics = Statistics(recording)
    figure = Figure(figsize=(9, 6.6), layout="constrained")
    axes = figure.subplots(2, 2)
    _draw_returns(axes[0, 0], statistics, inspection)
    _draw_lengths(axes[0, 1], statistics, inspection)
    _draw_actions(axes[1, 0], recording, inspection)
    _draw_states(axes[1, 1], recording.observations)
    defects = len(inspection.problems)
    found = counted(defects, "problem") if defects else "no problem found"
    figure.suptitle(f"{inspection.source}: {inspection.rows:,} rows; {found}", fontsize=11)
    return figure


def _draw_returns(axis: Axes, statistics: Statistics, inspection: Inspection) -> None:
    _histogram(axis, statistics.returns)
    reference = inspection.environment
    for value, colour, label in (
        (reference.reference_min, ORANGE, "random policy"),
        (reference.reference_max, GREEN, "expert"),
    ):
        if value is not None:
            axis.axvline(value, color=colour, linestyle="--", label=f"{label}, {value:.5g}")
    quality = inspection.trajectory_quality
    score = "" if quality is None else f" (TQ {quality:.3g})"
    axis.set(title=f"Returns{score}", xlabel="return of an episode", ylabel="episodes")
    _legend(axis)


def _draw_lengths(axis: Axes, statistics: Statistics, inspection: Inspection) -> None:
    _histogram(axis, statistics.lengths)
    if inspection.time_limit is not None:
        label = f"time limit, {inspection.time_limit}"
        axis.axvline(inspection.time_limit, color=ORANGE, linestyle="--", label=label)
    ends = ""
    if inspection.terminated_episodes is not None:
        ends = f" ({inspection.terminated_episodes:.0%} of episodes terminated)"
    axis.set(title=f"Lengths{ends}", xlabel="steps of an episode", ylabel="episodes")
    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    _legend(axis)


def _draw_actions(axis: Axes, recording: Recording, inspection: Inspection) -> None:
    if inspection.action_counts is not None:
        axis.bar(range(len(inspection.action_counts)), inspection.action_counts, color=BLUE)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.yaxis.set_major_formatter(_COUNT)
        axis.set(title="Actions", xlabel="action", ylabel="rows")
        return
    rows = _evenly(len(recording), BOX_ROWS)
    actions = np.asarray(recording.actions)[rows, :ACTIONS_SHOWN]
    axis.boxplot(
        [column[np.isfinite(column)] for column in actions.T],
        positions=range(actions.shape[1]),
        whis=(0, 100),
        medianprops={"color": ORANGE},
        boxprops={"color": BLUE},
    )
    axis.set(title="Actions (range and quartiles)", xlabel="column of actions", ylabel="value")


def _draw_states(axis: Axes, observations: FloatArray) -> None:
    """Draw the density of states on their first two principal components."""
    rows = observations[_evenly(len(observations), STATE_ROWS)].astype(np.float64)
    plane, labels = _project(rows[np.isfinite(rows).all(axis=1)])
    if not len(plane):
        _say(axis, "no finite state")
    else:
        cells = axis.hexbin(
            plane[:, 0], plane[:, 1], gridsize=45, mincnt=1, norm=LogNorm(), cmap="viridis"
        )
        bar = axis.figure.colorbar(cells, ax=axis, label="rows", format=_COUNT)
        bar.minorformatter = LogFormatter(labelOnlyBase=False)  # the default uses mathtext
        axis.set(xlabel=labels[0], ylabel=labels[1])
    axis.grid(visible=False)
    axis.set(title="Coverage of states")


def _project(states: Float64Array) -> tuple[Float64Array, tuple[str, str]]:
    """First two principal components of standardised states ``(N, 2)``, and their names.

    For two columns or fewer, the columns themselves.
    """
    width = states.shape[1]
    if width <= 2 or not len(states):
        padded = np.column_stack([states, np.zeros((len(states), max(2 - width, 0)))])
        return padded[:, :2], ("observation 0", "observation 1" if width > 1 else "")
    scale = states.std(axis=0)
    centred = (states - states.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    shares = variances[::-1] / max(variances.sum(), np.finfo(float).tiny)
    named = tuple(f"principal component {n + 1} ({shares[n]:.0%})" for n in range(2))
    return centred @ directions[:, :-3:-1], (named[0], named[1])


def _histogram(axis: Axes, values: Float64Array | IntArray | None) -> None:
    finite = np.empty(0) if values is None else values[np.isfinite(values)]
    if not len(finite):
        _say(axis, "episodes unknown" if values is None else "no finite value")
        return
    low, high = float(finite.min()), float(finite.max())
    pad = 0.0 if high > low else max(1.0, abs(low) / 10)  # a single value is centred
    axis.hist(finite, bins=BINS, range=(low - pad, high + pad), color=BLUE)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(axis: Axes) -> None:
    labels = axis.get_legend_handles_labels()[0]
    if labels:
        axis.set_ylim(top=axis.get_ylim()[1] * (1 + 0.12 * len(labels)))  # above all bars
        axis.legend(handlelength=1.8, fontsize=9)


def _say(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center")


def _evenly(rows: int, maximum: int) -> IntArray:
    """At most ``maximum`` rows, evenly spaced."""
    return np.linspace(0, rows - 1, min(rows, maximum)).astype(np.int64)


def _slug(source: str) -> str:
    """Convert a dataset's name to letters, digits, dots, dashes and underscores."""
    name = Path(source).stem if Path(source).is_file() else source
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "dataset"
