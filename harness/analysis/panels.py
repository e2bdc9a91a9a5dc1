"""The frame around the data of a figure: a grid of panels, a title, a legend, a caption."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Panel:
    """What tells a panel from the others."""

    dataset: str
    learner: str
    size: int | None = None

    @property
    def title(self) -> str:
        """The dataset over the learner and, if it has one, the size."""
        name = self.dataset
        if len(name) > PANEL_TITLE_LENGTH:
            name = f"…{name[1 - PANEL_TITLE_LENGTH :]}"
        return f"{name}\n{self.learner}" + (f", {self.size} transitions" if self.size else "")


def panel_grid(panels: Sequence[Panel], x_label: str) -> tuple[Figure, list[Axes]]:
    """Lay out one pair of axes a panel; those of one dataset share the range of returns.

    Labels stand at the left and lower edges of the grid only.
    """
    columns = _columns(panels)
    rows = math.ceil(len(panels) / columns)
    width = max(MINIMUM_WIDTH, PANEL_WIDTH * columns)
    figure = Figure(figsize=(width, PANEL_HEIGHT * rows))
    grid = figure.add_gridspec(rows, columns)
    axes: list[Axes] = []
    first: dict[str, Axes] = {}
    for place, panel in enumerate(panels):
        axis = figure.add_subplot(grid[divmod(place, columns)], sharey=first.get(panel.dataset))
        first.setdefault(panel.dataset, axis)
        axis.set_title(panel.title, loc="left")
        axis.set_xlabel(x_label if place + columns >= len(panels) else "")
        axis.set_ylabel("return" if place % columns == 0 else "")
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


def _columns(panels: Sequence[Panel]) -> int:
    for values in ({panel.size for panel in panels}, {panel.learner for panel in panels}):
        if len(values) > 1:
            return len(values)
    return min(3, len(panels))


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    longest = max(len(str(handle.get_label())) for handle in handles)
    entry = LEGEND_KEY_WIDTH + LEGEND_CHARACTER_WIDTH * longest
    rows = math.ceil(len(handles) / max(1, int(width / entry)))
    return math.ceil(len(handles) / rows)
