"""The common style of all figures: fonts, grid and lines."""

from __future__ import annotations

from contextlib import AbstractContextManager

import matplotlib as mpl


def figure_style() -> AbstractContextManager[None]:
    """Apply the common style to figures that are made or saved within the context."""
    return mpl.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "legend.handlelength": 3.4,
            "legend.columnspacing": 1.6,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "lines.markersize": 6.0,
            "lines.markeredgecolor": "white",
            "lines.markeredgewidth": 0.5,
            "text.parse_math": False,  # a path may contain dollar signs
            "svg.hashsalt": "bellman-bench",
        }
    )
