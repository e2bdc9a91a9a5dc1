"""The frame around the data of a figure: a grid of panels, a title, a legend, a caption."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

# lengths in inches
PANEL_WIDTH = 3.6
PANEL_HEIGHT = 2.7
MINIMUM_WIDTH = 6.4
MARGIN = 0.1
TITLE_HEIGHT = 0.36
LEGEND_ROW_HEIGHT = 0.23
LEGEND_KEY_WIDTH = 0.85  # of an entry without its text
LEGEND_CHARACTER_WIDTH = 0.085
CAPTION_LINE_HEIGHT = 0.165
CAPTION_CHARACTER_WIDTH = 0.066

CAPTION_SIZE = 8.5  # points
PANEL_TITLE_LENGTH = 36  # characters
MOST_COLUMNS = 4  # panels in a row
MOST_DATASETS = 3  # the same where only datasets differ


@dataclass(frozen=True)
class Panel:
    """What tells a panel from the others."""

    dataset: str
    learner: str = ""
    size: int | None = None
    note: str = ""

    @classmethod
    def of(cls, key: Any) -> Panel:
        """Make a panel from a group's key: dataset, learner and perhaps a size or a missing one."""
        dataset, learner, size = (*key, None)[:3]
        return cls(dataset, learner, None if pd.isna(size) else int(size))

    @property
    def title(self) -> str:
        """The dataset over the learner, the size and the note, of which it may lack any."""
        name = self.dataset
        if len(name) > PANEL_TITLE_LENGTH:
            name = f"…{name[1 - PANEL_TITLE_LENGTH :]}"
        size = f"{self.size} transitions" if self.size else ""
        return f"{name}\n{', '.join(part for part in (self.learner, size, self.note) if part)}"


def panel_grid(
    panels: Sequence[Panel],
    x_label: str,
    y_label: str,
    share_all: bool = False,
    height: float = PANEL_HEIGHT,
) -> tuple[Figure, list[Axes]]:
    """Lay out one pair of axes a panel; those of one dataset, or all, share their vertical range.

    Sizes of one dataset and learner stand side by side, else learners of one dataset, else
    datasets; what is too many for one row wraps. Labels stand at the left and lower edges only.
    """
    places = _places(panels)
    rows, columns = (max(ends) + 1 for ends in zip(*places, strict=True))
    width = max(MINIMUM_WIDTH, PANEL_WIDTH * columns)
    figure = Figure(figsize=(width, height * rows))
    grid = figure.add_gridspec(rows, columns)
    axes: list[Axes] = []
    first: dict[str, Axes] = {}
    for (row, column), panel in zip(places, panels, strict=True):
        shared = "" if share_all else panel.dataset
        axis = figure.add_subplot(grid[row, column], sharey=first.get(shared))
        first.setdefault(shared, axis)
        axis.set_title(panel.title, loc="left")
        axis.set_xlabel("" if (row + 1, column) in places else x_label)
        axis.set_ylabel("" if column else y_label)
        axes.append(axis)
    return figure, axes


def finish(figure: Figure, title: str, handles: Sequence[Line2D], caption: str) -> None:
    """Add a title and a legend above the panels and a caption beneath; the figure grows."""
    width, panels_height = figure.get_size_inches()
    lines = textwrap.wrap(caption, int((width - 2 * MARGIN) / CAPTION_CHARACTER_WIDTH))
    columns = _legend_columns(handles, width)
    header = MARGIN + TITLE_HEIGHT + LEGEND_ROW_HEIGHT * math.ceil(len(handles) / columns)
    footer = 1.5 * MARGIN + CAPTION_LINE_HEIGHT * len(lines)
    height = header + panels_height + footer
    figure.set_size_inches(width, height)
    body = (0.0, footer / height, 1.0, panels_height / height)
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.1, rect=body))
    left, top, bottom = MARGIN / width, 1 - MARGIN / height, MARGIN / height
    figure.text(left, top, title, va="top", fontsize=13, fontweight="bold")
    figure.text(left, bottom, "\n".join(lines), fontsize=CAPTION_SIZE, color="#444444")
    corner = (left, top - TITLE_HEIGHT / height * 0.8)
    figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=corner,
        ncols=columns,
        borderaxespad=0,
    )
    _settle(figure)


def _settle(figure: Figure) -> None:
    """Lay out the panels once, in rounded numbers: the solver's last digits differ between runs."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axis in figure.axes:
        left, bottom, width, height = (round(end, 5) for end in axis.get_position().bounds)
        axis.set_position((left, bottom, width, height))


def _places(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Row and column of each panel: every block begins a row and wraps."""
    blocks, most = _blocks(panels)
    columns = _balanced(max(map(len, blocks)), most)
    places: list[tuple[int, int]] = []
    for block in blocks:
        row = places[-1][0] + 1 if places else 0
        places += [(row + turn // columns, turn % columns) for turn in range(len(block))]
    return places


def _blocks(panels: Sequence[Panel]) -> tuple[list[list[Panel]], int]:
    """Neighbours that belong side by side, and how many of them a row may hold."""
    if len({panel.size for panel in panels}) > 1:
        runs = groupby(panels, lambda panel: (panel.dataset, panel.learner))
    elif len({panel.learner for panel in panels}) > 1:
        runs = groupby(panels, lambda panel: (panel.dataset, ""))
    else:
        return [list(panels)], MOST_DATASETS
    return [list(run) for _, run in runs], MOST_COLUMNS


def _balanced(count: int, most: int) -> int:
    """Columns for ``count`` panels in as few rows as hold them, evenly filled."""
    return math.ceil(count / math.ceil(count / most))


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    longest = max(len(str(handle.get_label())) for handle in handles)
    entry = LEGEND_KEY_WIDTH + LEGEND_CHARACTER_WIDTH * longest
    rows = math.ceil(len(handles) / max(1, int(width / entry)))
    return math.ceil(len(handles) / rows)
