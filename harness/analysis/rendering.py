"""Tables as text: markdown and LaTeX with rounded numbers, CSV in full precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.columns import DASH, Columns
from harness.core.errors import unknown_name

SUFFIXES = {"markdown": "md", "csv": "csv", "latex": "tex", "html": "html"}


def format_of(path: Path) -> str:
    """Tell the format of a file by how its name ends.

    Raises:
        InputError: If it ends otherwise.
    """
    formats = {f".{suffix}": format for format, suffix in SUFFIXES.items()}
    if path.suffix not in formats:
        raise unknown_name("ending", path.name, formats)
    return formats[path.suffix]


def render(table: pd.DataFrame, format: str, columns: Columns) -> str:
    """Write a table as text.

    Args:
        table: What a metric's `compare` returned, or `judge`.
        format: ``markdown``, ``latex`` or ``html`` with rounded numbers, or ``csv`` in full
            precision.
        columns: How each column of the table is headed and written.

    Raises:
        InputError: If the format is none of these.
    """
    if format == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    if format not in SUFFIXES:
        raise unknown_name("format", format, SUFFIXES)
    cells = readable(table, columns).rename(columns=lambda name: columns[name].heading or name)
    words = {column.heading or name for name, column in columns.items() if column.is_text}
    if format == "markdown":
        return _markdown(cells, words)
    if format == "latex":
        return _latex(cells, words)
    return str(cells.to_html(index=False, border=0)) + "\n"


def readable(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Write every cell as text, with rounded numbers.

    Args:
        table: What a metric's `compare` returned, or some of its columns.
        columns: How each is written.

    Returns:
        The columns under their names; both ends of an interval under that of the lower one.
    """
    cells: dict[str, list[str]] = {}
    for name in map(str, table):
        write = columns[name].write
        if name.endswith("_low"):
            ends = zip(table[name], table[f"{name.removesuffix('_low')}_high"], strict=True)
            cells[name] = [interval(low, high, write) for low, high in ends]
        elif not name.endswith("_high"):
            cells[name] = [write(value) for value in table[name]]
    return pd.DataFrame(cells).astype("str")


def interval(low: float, high: float, write: Callable[[Any], str]) -> str:
    """Write both ends of an interval; a dash where it is unknown."""
    return DASH if pd.isna(low) else f"[{write(low)}, {write(high)}]"


def _markdown(cells: pd.DataFrame, words: Set[str]) -> str:
    columns = [_markdown_column(str(name), cells[name], str(name) in words) for name in cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in zip(*columns, strict=True))


def _markdown_column(name: str, cells: Iterable[str], words: bool) -> list[str]:
    texts = [name, *(cell.replace("|", r"\|") for cell in cells)]
    width = max(2, *map(len, texts))  # of `-:`, the shortest rule of a right-aligned column
    if words:
        header, *body = (text.ljust(width) for text in texts)
        return [header, "-" * width, *body]
    header, *body = (text.rjust(width) for text in texts)
    return [header, "-" * (width - 1) + ":", *body]


def _latex(cells: pd.DataFrame, words: Set[str]) -> str:
    numbers = [name for name in cells if name not in words]
    style = cells.style.hide(axis="index").format_index(escape="latex", axis="columns")
    style = style.format(escape="latex")
    # a hyphen is not a minus sign
    style = style.format(lambda text: str(text).replace("-", "$-$"), escape="latex", subset=numbers)
    alignment = "".join("l" if name in words else "r" for name in cells)
    return style.to_latex(column_format=alignment, hrules=True)
