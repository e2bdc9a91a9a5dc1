"""The figures of a results folder, by what its runs measured."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from harness.analysis.metrics import metric_of
from harness.core.presentation.figure_style import figure_style
from harness.core.records import read_records
from harness.core.storage.files import write_whole


def write_figures(directory: Path) -> list[Path]:
    """Draw the records of ``DIRECTORY`` into ``DIRECTORY/figures``, each figure as PNG and SVG.

    Which figures there are is for the metric to say, by its `figures`; there may be none. The same
    records and library versions give the same bytes.

    Raises:
        InputError: If there are no readable records, none of a completed run, or records that
            do not share one metric.
    """
    records = list(read_records(directory))
    return [
        write_whole(directory / "figures" / f"{name}.{kind}", _encode(figure, kind))
        for name, figure in metric_of(records).figures(records).items()
        for kind in ("png", "svg")
    ]


def _encode(figure: Figure, kind: str) -> bytes:
    content = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    with figure_style():
        figure.savefig(content, format=kind, dpi=160, metadata=metadata)
    return content.getvalue()
