"""Tables as text: markdown and LaTeX with rounded numbers, CSV in full precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pandas as pd

from harness.core.errors import unknown_name

DASH = "–"  # a value that does not exist
SUFFIXES = {"markdown": "md", "csv": "csv", "latex": "tex", "html": "html"}


def render(table: pd.DataFrame, format: str) -> str:
    """Write a table as text.

    Args:
        table: What `comparison` returned, or `judge`.
        format: ``markdown``, ``latex`` or ``html`` with rounded numbers, or ``csv`` in full
            precision.

    Raises:
        InputError: If the format is none of these.
    """
    if format == "markdown":
        return _markdown(_readable(table))
    if format == "latex":
        return _latex(_readable(table))
    if format == "html":
        return str(_readable(table).to_html(index=False, border=0)) + "\n"
    if format == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    raise unknown_name("format", format, SUFFIXES)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    columns: dict[str, list[str]] = {}
    for name in table:
        source = str(name)
        if source.endswith("_low"):
            columns[_heading(source)] = _intervals(table, source.removesuffix("_low"))
        elif not source.endswith("_high"):
            columns[_heading(source)] = [_WRITERS[source](value) for value in table[source]]
    return pd.DataFrame(columns).astype("str")


def _heading(source: str) -> str:
    if source.endswith("_low"):
        return _HEADINGS.get(source, f"{source.removesuffix('_low')} interval")
    return _HEADINGS.get(source, source)


def _intervals(table: pd.DataFrame, source: str) -> list[str]:
    write = _WRITERS[source]
    ends = zip(table[f"{source}_low"], table[f"{source}_high"], strict=True)
    return [DASH if pd.isna(low) else f"[{write(low)}, {write(high)}]" for low, high in ends]


def _count(value: int) -> str:
    return DASH if pd.isna(value) else str(value)


def _rounded(value: float, decimals: int) -> str:
    # adding zero turns a rounded -0.0 into 0.0
    return DASH if pd.isna(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"


def _significant(value: float) -> str:
    return DASH if pd.isna(value) else f"{value:#.4g}".removesuffix(".")


def _small(value: float) -> str:
    if pd.isna(value):
        return DASH
    return f"{value:#.3g}" if value else "0"


def _percent(value: float) -> str:
    if pd.isna(value):
        return DASH
    percent = 100 * value
    return f"{percent:.0f} %" if percent >= 99.95 else f"{_small(percent)} %"


def _seconds(value: float) -> str:
    if pd.isna(value):
        return DASH
    if value < 0.001:
        return f"{value:.2g}"
    return f"{value:#.3g}" if value < 99.5 else f"{value:.0f}"


def _trainings(value: float) -> str:
    return "never" if value == math.inf else _seconds(value)


_TEXT_COLUMNS = (
    "dataset",
    "learner",
    "sizes",
    "judge",
    "arm",
    "claim",
    "text",
    "criterion",
    "versus",
    "verdict",
)
_COUNTS = (
    *("size", "rows", "dimension", "predictors", "identifiable"),
    *("seeds", "pairs", "unpaired", "trials", "runs", "failed"),
)
_WRITERS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(_TEXT_COLUMNS, str),
    **dict.fromkeys((*_COUNTS, "met", "not met", "undecided"), _count),
    "return": partial(_rounded, decimals=1),
    **dict.fromkeys(
        ("score", "retention", "probability", "difference", "fair_difference", "share"),
        partial(_rounded, decimals=2),
    ),
    **dict.fromkeys(("deviation_reduction", "deviation_learner"), partial(_rounded, decimals=3)),
    **dict.fromkeys(("bytes", "dataset_bytes", "bytes_ratio"), partial(_rounded, decimals=0)),
    **dict.fromkeys(("error", "ratio", "measured"), _significant),
    **dict.fromkeys(("gap", "relative_gap"), _small),
    **dict.fromkeys(("fresh_gap", "percentile_95", "largest"), _percent),
    **dict.fromkeys(("seconds_reduction", "seconds_training", "seconds_full"), _seconds),
    "seconds_saved": partial(_rounded, decimals=3),
    "break_even": _trainings,
}
_HEADINGS = {
    "dimension": "d",
    "predictors": "k",
    "identifiable": "q(q+1)/2",
    "error": "test MSE",
    "error_low": "MSE interval",
    "ratio": "ratio to full",
    "gap": "worst-case gap",
    "gap_low": "gap range",
    "relative_gap": "relative gap",
    "fresh_gap": "fresh gap",
    "fresh_gap_low": "fresh gap range",
    "percentile_95": "95th percentile",
    "probability": "P(improvement)",
    "probability_low": "P interval",
    "fair_difference": "difference to stratified",
    "fair_difference_low": "its interval",
    "deviation_reduction": "deviation by reduction",
    "deviation_learner": "deviation by learner",
    "share": "share of reduction",
    "share_low": "share interval",
    "dataset_bytes": "bytes of full",
    "bytes_ratio": "ratio",
    "seconds_reduction": "reduction (s)",
    "seconds_training": "training (s)",
    "seconds_full": "training on full (s)",
    "seconds_saved": "saved (s)",
    "seconds_saved_low": "saved range",
    "break_even": "break-even (trainings)",
}


def _markdown(cells: pd.DataFrame) -> str:
    columns = [_markdown_column(str(name), cells[name]) for name in cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in zip(*columns, strict=True))


def _markdown_column(name: str, cells: Iterable[str]) -> list[str]:
    texts = [name, *(cell.replace("|", r"\|") for cell in cells)]
    width = max(2, *map(len, texts))  # of `-:`, the shortest rule of a right-aligned column
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
