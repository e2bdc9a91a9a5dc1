"""The figure of performance profiles: how many runs reach a score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from harness.analysis.captions import protocol, provenance
from harness.analysis.figures.drawing import legend_entries
from harness.analysis.figures.panels import Panel, finish, panel_grid
from harness.analysis.figures.styles import ArmStyle, arm_styles
from harness.analysis.metrics.base import RETURN, checked
from harness.analysis.metrics.returns.comparison import ALL_DATASETS, scored_seeds
from harness.analysis.metrics.returns.signal import remarked, without_controls
from harness.analysis.statistics import FloatArray, mean_over_strata, mean_over_strata_interval
from harness.core.errors import InputError
from harness.core.presentation.figure_style import figure_style
from harness.core.records import RunRecord

LEVELS = 100  # thresholds in a unit of the score
BAND_OPACITY = 0.1
MARKERS_PER_CURVE = 5


def plot_profiles(records: Iterable[RunRecord]) -> Figure:
    """Plot the share of runs with a score of at least τ against τ, all datasets together.

    There is a panel for each learner and size, of the datasets that it learned from. Bands are
    pointwise 95 % bootstrap intervals over seeds, stratified by dataset; an arm without a
    completed run on one of the datasets is left out. These are the performance profiles of
    Agarwal et al. 2021, section 4.2.

    Raises:
        InputError: If no run was completed, the runs are not of control, or none has a score.
    """
    listed = checked(records, RETURN)
    records = without_controls(listed)
    scores = scored_seeds(records).dropna(subset="score")
    if scores.empty:
        raise InputError(
            "no run has a score: profiles need datasets with references, the returns of a random "
            "policy and of an expert"
        )
    styles = arm_styles(scores["arm"])
    groups = scores.groupby(["learner", "size"], dropna=False)
    panels = {Panel.of((_name(group), *key)): group for key, group in groups}
    thresholds = _thresholds(scores["score"])
    with figure_style():
        figure, axes = panel_grid(list(panels), "score τ", "runs with score ≥ τ", share_all=True)
        for axis, group in zip(axes, panels.values(), strict=True):
            _draw_profiles(axis, group, thresholds, styles)
        caption = (
            f"{provenance(records)}. Share of runs whose score, (return − random) / "
            "(expert − random), is at least τ, each dataset counting alike, with its pointwise "
            f"95\u00a0% percentile bootstrap interval over seeds. Protocol: {protocol(records)}."
        )
        finish(figure, "Performance profiles", legend_entries(styles), remarked(caption, listed))
    return figure


def profile(
    strata: Sequence[ArrayLike], thresholds: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share of values at or above each threshold, averaged over strata, and its interval.

    Args:
        strata: Each of shape ``(n_i,)``.
        thresholds: Shape ``(T,)``.

    Returns:
        Share, lower and upper end, each of shape ``(T,)``; ends are NaN if a stratum has fewer
        than two values.
    """
    levels = np.asarray(thresholds, dtype=np.float64)[:, None]
    reached = [(np.asarray(values)[None, :] >= levels).astype(np.float64) for values in strata]
    return mean_over_strata(*reached), *mean_over_strata_interval(*reached)


def _name(group: pd.DataFrame) -> str:
    datasets = group["dataset"].unique()
    return ALL_DATASETS if len(datasets) > 1 else str(datasets[0])


def _thresholds(scores: pd.Series) -> FloatArray:
    """From 0 to 1 and as far beyond as scores go."""
    first = min(0.0, np.floor(scores.min() * LEVELS))
    last = max(LEVELS, np.ceil(scores.max() * LEVELS))
    # divided, not multiplied, so that a score of 0.3 reaches the threshold 0.3
    return np.arange(first, last + 1, dtype=np.float64) / LEVELS


def _draw_profiles(
    axis: Axes,
    group: pd.DataFrame,
    thresholds: FloatArray,
    styles: dict[str, ArmStyle],
) -> None:
    datasets = sorted(group["dataset"].unique())
    for turn, (arm, style) in enumerate(styles.items()):
        runs = group[group["arm"] == arm]
        strata = [runs.loc[runs["dataset"] == dataset, "score"].to_numpy() for dataset in datasets]
        if not all(map(len, strata)):
            continue
        share, low, high = profile(strata, thresholds)
        axis.fill_between(
            thresholds, low, high, color=style.colour, alpha=BAND_OPACITY, linewidth=0, label=arm
        )
        every = len(thresholds) // MARKERS_PER_CURVE
        first = turn * every // len(styles)
        axis.plot(thresholds, share, label=arm, markevery=(first, every), **style.options())
    axis.set_xlim(thresholds[0], thresholds[-1])
    axis.set_ylim(-0.03, 1.03)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
