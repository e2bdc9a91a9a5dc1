"""What a figure shows, read back from it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


def lines(axis: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axis.lines}


def points(line: Line2D) -> tuple[list[float], list[float]]:
    across, up = (np.asarray(data, dtype=float) for data in line.get_data())
    return across.tolist(), up.tolist()


def bars(axis: Axes) -> dict[str, ErrorbarContainer]:
    found = [item for item in axis.containers if isinstance(item, ErrorbarContainer)]
    return {str(item.get_label()): item for item in found}


def bar_ends(bar: ErrorbarContainer) -> list[list[float]]:
    """Lower and upper end of each bar."""
    (segments,) = bar.lines[2]
    return [[float(end[1]) for end in segment] for segment in segments.get_segments()]


def band(axis: Axes, arm: str) -> PolyCollection:
    (found,) = [item for item in axis.collections if item.get_label() == arm]
    assert isinstance(found, PolyCollection)
    return found


def legend_labels(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def assert_nothing_overlaps(figure: Figure) -> None:
    """Title, legend, panels and caption stand apart and within the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    items = [*figure.texts, *figure.legends, *figure.axes]
    boxes = [item.get_tightbbox(renderer) for item in items]
    for one, other in combinations(boxes, 2):
        assert one is not None
        assert other is not None
        assert not one.overlaps(other)
    for box in boxes:
        assert box is not None
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
