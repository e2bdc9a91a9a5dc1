"""Tables and figures from run records; nothing that trains is imported here."""

from harness.analysis.comparison import comparison
from harness.analysis.curves import plot_learning_curves, plot_size_curves, write_figures
from harness.analysis.embed import embed
from harness.analysis.frame import ARM_ORDER, curves_frame, runs_frame
from harness.analysis.statistics import bootstrap_interval, interquartile_mean
from harness.analysis.tables import caption, render, write_tables

__all__ = [
    "ARM_ORDER",
    "bootstrap_interval",
    "caption",
    "comparison",
    "curves_frame",
    "embed",
    "interquartile_mean",
    "plot_learning_curves",
    "plot_size_curves",
    "render",
    "runs_frame",
    "write_figures",
    "write_tables",
]
