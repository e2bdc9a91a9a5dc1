"""The comparison of arms, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from harness.analysis.captions import provenance
from harness.analysis.comparison import comparison
from harness.errors import unknown_name
from harness.files import write_whole
from harness.records import RunRecord, read_records

__all__ = ["caption", "comparison", "render", "write_tables"]

DASH = "–"  # a value that does not exist
SUFFIXES = {"markdown": "md", "csv": "csv", "latex": "tex"}

_DEFINITIONS = (
    "return: inter-quartile mean over seeds of each run's mean of the last three checkpoints",
    "interval: 95 % percentile bootstrap over seeds, stratified by dataset; none for one seed",
    "score: normalised to 0..1, (return − random) / (expert − random)",
    "retention: (return − random) / (return of full − random), same learner; over all datasets "
    "score / score of full",
    "full repeated beside every size",
    "seconds: medians of wall time, which differ between machines",
)


def render(table: pd.DataFrame, format: str) -> str:
    """Write a comparison as text.

    Args:
        table: What `comparison` returned.
        format: ``markdown`` or ``latex`` with rounded numbers, or ``csv`` in full precision.

    Raises:
        InputError: If the format is none of these.
    """
    if format == "markdown":
        return _markdown(_readable(table))
    if format == "latex":
        return _latex(_readable(table))
    if format == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    raise unknown_name("format", format, SUFFIXES)


def caption(records: Iterable[RunRecord]) -> str:
    """Say in one line what the table rests on and how its columns are defined."""
    return "; ".join((provenance(list(records)), *_DEFINITIONS)) + "."


def write_tables(directory: Path) -> list[Path]:
    """Write ``DIRECTORY/tables/comparison.{md,csv,tex}`` from ``DIRECTORY/records``.

    The same records give the same bytes.

    Raises:
        InputError: If there are no readable records.
    """
    records = list(read_records(directory))
    table, line = comparison(records), caption(records)
    texts = {
        "markdown": f"{line}\n\n{render(table, 'markdown')}",
        "csv": render(table, "csv"),
        "latex": f"% {line}\n{render(table, 'latex')}",
    }
    folder = directory / "tables"
    return [
        write_whole(folder / f"comparison.{SUFFIXES[format]}", text.encode())
        for format, text in texts.items()
    ]


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "dataset": table["dataset"],
        "size": table["size"].map(_count),
        "learner": table["learner"],
        "arm": table["arm"],
        "rows": table["rows"].map(_count),
        "seeds": table["seeds"].map(_count),
        "failed": table["failed"].map(_count),
        "return": [_rounded(value, 1) for value in table["return"]],
        "return interval": _intervals(table, "return", 1),
        "score": [_rounded(value, 2) for value in table["score"]],
        "score interval": _intervals(table, "score", 2),
        "retention": [_rounded(value, 2) for value in table["retention"]],
        "reduction (s)": table["seconds_reduction"].map(_seconds),
        "training (s)": table["seconds_training"].map(_seconds),
    }
    return pd.DataFrame(columns).astype("str")


def _count(value: int) -> str:
    return DASH if pd.isna(value) else str(value)


def _rounded(value: float, decimals: int) -> str:
    # adding zero turns a rounded -0.0 into 0.0
    return DASH if pd.isna(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"


def _intervals(table: pd.DataFrame, name: str, decimals: int) -> list[str]:
    ends = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [
        DASH if pd.isna(low) else f"[{_rounded(low, decimals)}, {_rounded(high, decimals)}]"
        for low, high in ends
    ]


def _seconds(value: float) -> str:
    if pd.isna(value):
        return DASH
    if value < 0.001:
        return f"{value:.2g}"
    return f"{value:#.3g}" if value < 99.5 else f"{value:.0f}"


_TEXT_COLUMNS = ("dataset", "learner", "arm")


def _markdown(cells: pd.DataFrame) -> str:
    columns = [_markdown_column(str(name), cells[name]) for name in cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in zip(*columns, strict=True))


def _markdown_column(name: str, cells: Iterable[str]) -> list[str]:
    texts = [name, *(cell.replace("|", r"\|") for cell in cells)]
    width = max(map(len, texts))
    if name in _TEXT_COLUMNS:
        header, *body = (text.ljust(width) for text in texts)
        return [header, "-" * width, *body]
    header, *body = (text.rjust(width) for text in texts)
    return [header, "-" * (width - 1) + ":", *body]


def _latex(cells: pd.DataFrame) -> str:
    numbers = [name for name in cells if name not in _TEXT_COLUMNS]
    style = cells.style.hide(axis="index").format_index(escape="latex", axis="columns")
    style = style.format(escape="latex")
    # a hyphen is not a minus sign
    style = style.format(lambda text: str(text).replace("-", "$-$"), escape="latex", subset=numbers)
    alignment = "".join("l" if name in _TEXT_COLUMNS else "r" for name in cells)
    return style.to_latex(column_format=alignment, hrules=True)
