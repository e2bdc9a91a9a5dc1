"""Tables and figures from run records; nothing that trains is imported here."""

from harness.analysis.claims import render_claims
from harness.analysis.claims.control import judge_control, judge_evidence, render_verdict_table
from harness.analysis.claims.regression import judge
from harness.analysis.embed import embed, embed_found
from harness.analysis.frame import ARM_ORDER, curves_frame, runs_frame
from harness.analysis.metrics import comparison
from harness.analysis.metrics.fresh_gap import fresh_frame, plot_fresh_gaps
from harness.analysis.metrics.returns.arm_rows import plot_arm_returns
from harness.analysis.metrics.returns.cost import compare_cost
from harness.analysis.metrics.returns.improvement import compare_improvement
from harness.analysis.metrics.returns.learning_curves import plot_learning_curves, plot_size_curves
from harness.analysis.metrics.returns.profiles import plot_profiles
from harness.analysis.metrics.returns.variance import compare_variance
from harness.analysis.metrics.test_error import plot_size_errors
from harness.analysis.metrics.worst_case_gap import gaps_frame, plot_identifiability
from harness.analysis.plots import write_figures
from harness.analysis.rendering import render
from harness.analysis.report import write_report
from harness.analysis.statistics import bootstrap_interval, interquartile_mean, mean
from harness.analysis.tables import Tables, caption, write_tables

__all__ = [
    "ARM_ORDER",
    "Tables",
    "bootstrap_interval",
    "caption",
    "compare_cost",
    "compare_improvement",
    "compare_variance",
    "comparison",
    "curves_frame",
    "embed",
    "embed_found",
    "fresh_frame",
    "gaps_frame",
    "interquartile_mean",
    "judge",
    "judge_control",
    "judge_evidence",
    "mean",
    "plot_arm_returns",
    "plot_fresh_gaps",
    "plot_identifiability",
    "plot_learning_curves",
    "plot_profiles",
    "plot_size_curves",
    "plot_size_errors",
    "render",
    "render_claims",
    "render_verdict_table",
    "runs_frame",
    "write_figures",
    "write_report",
    "write_tables",
]
