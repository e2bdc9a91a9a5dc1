"""Columns of tables: of which type they are, how they are headed and how values are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

DASH = "–"  # a value that does not exist


def count(value: int) -> str:
    """Write a whole number."""
    return DASH if pd.isna(value) else str(value)


def rounded(value: float, decimals: int) -> str:
    """Write a number with so many decimals."""
    # adding zero turns a rounded -0.0 into 0.0
    return DASH if pd.isna(value) else f"{round(value, decimals) + 0.0:.{decimals}f}"


whole, tenths, hundredths, thousandths = (partial(rounded, decimals=places) for places in range(4))


def significant(value: float) -> str:
    """Write a number with four significant digits."""
    return DASH if pd.isna(value) else f"{value:#.4g}".removesuffix(".")


def small(value: float) -> str:
    """Write a number that may be tiny with three significant digits, zero as it is."""
    if pd.isna(value):
        return DASH
    return f"{value:#.3g}" if value else "0"


def percent(value: float) -> str:
    """Write a share in percent."""
    if pd.isna(value):
        return DASH
    hundred = 100 * value
    return f"{hundred:.0f} %" if hundred >= 99.95 else f"{small(hundred)} %"


def seconds(value: float) -> str:
    """Write seconds with three significant digits, fewer where they are fractions."""
    if pd.isna(value):
        return DASH
    if value < 0.001:
        return f"{value:.2g}"
    return f"{value:#.3g}" if value < 99.5 else f"{value:.0f}"


def number_or_never(value: float) -> str:
    """Write a whole number, which may be infinite."""
    return "never" if value == math.inf else whole(value)


def trainings(value: float) -> str:
    """Write a number of trainings, which may be infinite."""
    return "never" if value == math.inf else seconds(value)


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    dtype: str  # of pandas
    write: Callable[[Any], str]
    heading: str = ""  # in readable formats; the column's name unless given

    @property
    def is_text(self) -> bool:
        """Whether it holds words, which stand at the left."""
        return self.dtype == "str"


Columns = Mapping[str, Column]

TEXT = Column("str", str)
SHARED: Columns = {  # what tables of several metrics have
    **dict.fromkeys(("dataset", "learner", "arm", "versus"), TEXT),
    **dict.fromkeys(("size", "rows"), Column("Int64", count)),
    **dict.fromkeys(("seeds", "trials", "failed"), Column("int64", count)),
    "dimension": Column("int64", count, "d"),
    "predictors": Column("Int64", count, "k"),
    "identifiable": Column("int64", count, "q(q+1)/2"),
    "seconds_reduction": Column("float64", seconds, "reduction (s)"),
    "seconds_training": Column("float64", seconds, "training (s)"),
}


def shared(*names: str) -> dict[str, Column]:
    """Take these of the `SHARED` columns."""
    return {name: SHARED[name] for name in names}


def with_interval(
    name: str, write: Callable[[Any], str], heading: str = "", interval: str = ""
) -> dict[str, Column]:
    """Make a column of numbers with those of its ends, ``NAME_low`` and ``NAME_high``.

    Args:
        name: Of the column.
        write: Writes its values and both ends.
        heading: Of the values; the name unless given.
        interval: Heading of the ends, which readable formats put into one column.
    """
    ends = Column("float64", write, interval or f"{name} interval")
    return {
        name: Column("float64", write, heading),
        f"{name}_low": ends,
        f"{name}_high": ends,
    }


def tabulate(rows: Iterable[Mapping[str, Any]], columns: Columns) -> pd.DataFrame:
    """Make a table of these columns, in their order and types."""
    types = {name: column.dtype for name, column in columns.items()}
    return pd.DataFrame(list(rows), columns=list(columns)).astype(types)
