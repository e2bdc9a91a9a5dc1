"""The figures of a results folder, by what its runs measured."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from harness.analysis.metrics.base import measure
from harness.analysis.metrics.fresh_gap import plot_fresh_gaps
from harness.analysis.metrics.returns.arm_rows import plot_arm_returns
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.learning_curves import (
    has_curves,
    plot_learning_curves,
    plot_size_curves,
)
from harness.analysis.metrics.returns.profiles import plot_profiles
from harness.analysis.metrics.test_error import plot_size_errors
from harness.analysis.metrics.worst_case_gap import plot_identifiability
from harness.core.figure_style import figure_style
from harness.core.records import RunRecord, read_records
from harness.core.storage.files import write_whole


def write_figures(directory: Path) -> list[Path]:
    """Draw the records of ``DIRECTORY`` into ``DIRECTORY/figures``, each figure as PNG and SVG.

    Returns give ``learning-curves``, ``size-return`` (of one size ``arm-return``) and
    ``profiles``, test MSEs ``size-error``, worst-case gaps ``identifiability``, fresh gaps
    ``fresh-gap``. Learners of one checkpoint have no curve. Where no run has a size, there is
    nothing to draw against it nor arms to profile, and without references no profile. The same
    records and library versions give the same bytes.

    Raises:
        InputError: If there are no readable records, none of a completed run, or records that
            do not share one measure.
    """
    return [
        write_whole(directory / "figures" / f"{name}.{kind}", _encode(figure, kind))
        for name, figure in _draw(list(read_records(directory))).items()
        for kind in ("png", "svg")
    ]


def _draw(records: Sequence[RunRecord]) -> dict[str, Figure]:
    sizes = {record.spec.size for record in records} - {None}
    match measure(records):
        case "return":
            figures = {}
            if has_curves(records):
                figures["learning-curves"] = plot_learning_curves(records)
            if len(sizes) > 1:
                figures["size-return"] = plot_size_curves(records)
            elif sizes:
                figures["arm-return"] = plot_arm_returns(records)
            if sizes and scored_seeds(records)["score"].notna().any():
                figures["profiles"] = plot_profiles(records)
            return figures
        case "test MSE":
            return {"size-error": plot_size_errors(records)} if sizes else {}
        case "worst-case gap":
            return {"identifiability": plot_identifiability(records)}
        case "fresh gap":
            return {"fresh-gap": plot_fresh_gaps(records)}


def _encode(figure: Figure, kind: str) -> bytes:
    content = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    with figure_style():
        figure.savefig(content, format=kind, dpi=160, metadata=metadata)
    return content.getvalue()
