"""Tables and figures from run records; nothing that trains is imported here."""

from harness.analysis.claims import judge, render_claims
from harness.analysis.comparison import comparison
from harness.analysis.curves import plot_learning_curves, plot_size_curves
from harness.analysis.embed import embed
from harness.analysis.error_curves import plot_size_errors
from harness.analysis.figures import write_figures
from harness.analysis.frame import ARM_ORDER, curves_frame, fresh_frame, gaps_frame, runs_frame
from harness.analysis.fresh_curves import plot_fresh_gaps
from harness.analysis.gap_curves import plot_identifiability
from harness.analysis.rendering import render
from harness.analysis.report import write_report
from harness.analysis.statistics import bootstrap_interval, interquartile_mean, mean
from harness.analysis.tables import caption, write_tables

__all__ = [
    "ARM_ORDER",
    "bootstrap_interval",
    "caption",
    "comparison",
    "curves_frame",
    "embed",
    "fresh_frame",
    "gaps_frame",
    "interquartile_mean",
    "judge",
    "mean",
    "plot_fresh_gaps",
    "plot_identifiability",
    "plot_learning_curves",
    "plot_size_curves",
    "plot_size_errors",
    "render",
    "render_claims",
    "runs_frame",
    "write_figures",
    "write_report",
    "write_tables",
]
