"""Views: parts of the tables in `results`, put into pages between marks that say which part.

    python docs/tools/views.py docs/studies/*.md

A page asks for a view in a comment, of the table ``results/STUDY/tables/NAME.csv``:

    <!-- begin view STUDY/NAME
    where: dataset = all datasets; learner = dqn, fqi
    rows: learner, arm
    columns: size
    values: score
    -->
    <!-- end view -->

``where`` and ``columns`` may be left out. A value that has an interval is shown with it. Without
``columns`` there may be several values, each a column.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pandas as pd

from harness.analysis.columns import DASH, TEXT, Column, Columns
from harness.analysis.metrics import METRICS
from harness.analysis.rendering import render
from harness.core.errors import InputError, unknown_name
from harness.core.storage.files import write_whole

RESULTS = Path(__file__).parents[2] / "results"
VIEW = re.compile(r"(<!-- begin view (\S+)\n(.*?)-->\n).*?(<!-- end view -->)", re.DOTALL)
KEYS = ("where", "rows", "columns", "values")


def fill(text: str) -> str:
    """Return a page with each view made of the committed tables.

    Raises:
        InputError: If a view names a table, a column or a value that there is not.
    """
    return VIEW.sub(lambda found: found[1] + view(found[2], found[3]) + found[4], text)


def view(table: str, request: str) -> str:
    """Make one view as a Markdown table.

    Raises:
        InputError: If it names a table, a column or a value that there is not.
    """
    asked = dict.fromkeys(KEYS, "") | _parse(request)
    frame, columns = _read(table)
    for condition in filter(None, asked["where"].split(";")):
        frame = _filtered(frame, condition)
    rows, across, values = (_names(asked[key], frame) for key in KEYS[1:])
    if not across:
        frame = frame[[name for value in rows + values for name in _with_ends(value, frame)]]
        return render(frame, "markdown", columns)
    return _pivot(frame, columns, rows, across[0], values[0])


def _parse(request: str) -> dict[str, str]:
    lines = [line.partition(":") for line in request.splitlines() if line.strip()]
    for key, _, _ in lines:
        if key.strip() not in KEYS:
            raise unknown_name("key of a view", key.strip(), KEYS)
    return {key.strip(): value.strip() for key, _, value in lines}


def _read(table: str) -> tuple[pd.DataFrame, Columns]:
    """Read a committed table, and how its columns are written."""
    study, _, name = table.partition("/")
    path = RESULTS / study / "tables" / f"{name}.csv"
    if not path.is_file():
        raise InputError(f"view {table!r}: there is no {str(path)!r}; name STUDY/TABLE")
    header = set(map(str, pd.read_csv(path, nrows=0)))
    for metric in METRICS.values():
        known = metric.tables().get(name)
        if known and header <= known.columns.keys():
            types = {key: known.columns[key].dtype for key in header}
            return pd.read_csv(path, dtype=types), known.columns
    raise InputError(f"view {table!r}: no metric has a table of its columns; write it again")


def _filtered(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    name, _, wanted = condition.partition("=")
    (column,) = _names(name, frame)
    found = frame[column].astype(str)
    values = [value.strip() for value in wanted.split(",")]
    for value in values:
        if value not in set(found):
            raise unknown_name(f"{column} of a view:", value, sorted(set(found)))
    return frame[found.isin(values)]


def _names(listed: str, frame: pd.DataFrame) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    for name in names:
        if name not in frame:
            raise unknown_name("column of a view:", name, list(map(str, frame)))
    return names


def _with_ends(name: str, frame: pd.DataFrame) -> list[str]:
    return [end for end in (name, f"{name}_low", f"{name}_high") if end in frame]


def _pivot(frame: pd.DataFrame, columns: Columns, rows: list[str], across: str, value: str) -> str:
    """Spread one value over columns, in the table's own order of rows."""
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    for row in cast(list[dict[str, Any]], frame.to_dict("records")):
        key = tuple(columns[name].write(row[name]) for name in rows)
        cell = cells.setdefault(key, {})
        column = columns[across].write(row[across])
        if column in cell:
            raise InputError(f"view: {key} has two {value} at {column}; narrow it by `where`")
        cell[column] = _write(row, value, columns[value])
    spread = sorted({column for cell in cells.values() for column in cell}, key=_in_order)
    table = pd.DataFrame(
        [[*key, *(cell.get(column, DASH) for column in spread)] for key, cell in cells.items()],
        columns=[*(columns[name].heading or name for name in rows), *spread],
    )
    shown = {str(name): TEXT if name not in spread else Column("object", str) for name in table}
    return render(table, "markdown", shown)


def _write(row: Mapping[str, Any], value: str, column: Column) -> str:
    text, low = column.write(row[value]), row.get(f"{value}_low")
    if low is None or pd.isna(low):
        return text
    return f"{text} [{column.write(low)}, {column.write(row[f'{value}_high'])}]"


def _in_order(column: str) -> tuple[bool, float, str]:
    """Sort numbers as numbers, and before words."""
    number = column.replace(".", "", 1).isdigit()
    return not number, float(column) if number else 0.0, column


def main(paths: list[str]) -> None:
    """Fill the views of pages in place."""
    for path in map(Path, paths):
        write_whole(path, fill(path.read_text(encoding="utf-8")).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
