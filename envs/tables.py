"""Reading of comma-separated tables."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: str) -> pd.DataFrame:
    """Read a comma-separated file whose first row names its columns.

    Raises:
        InputError: If there is no such file, or it is no table with names that differ.
    """
    import pandas as pd  # slow to import
    from pandas.errors import EmptyDataError, ParserError, ParserWarning

    if not Path(path).is_file():
        raise InputError(f"no file {path!r}: give the path of an existing .csv")
    try:
        first = pd.read_csv(
            Path(path), header=None, nrows=1, dtype=str, na_filter=False, skipinitialspace=True
        )
        names = [str(name) for name in first.iloc[0]]
        _check_header(path, names)
        with warnings.catch_warnings(action="error", category=ParserWarning):  # pandas drops cells
            frame = pd.read_csv(
                Path(path), index_col=False, skipinitialspace=True, low_memory=False
            )
    except EmptyDataError as error:
        raise InputError(
            f"{path!r} is empty: a header row and rows of numbers are needed; fill it"
        ) from error
    except (OSError, UnicodeError, ParserError, ParserWarning) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path!r} cannot be read ({reason}): it must be a comma-separated UTF-8 file with as "
            "many cells in each row as in the header; correct the file"
        ) from error
    return frame.set_axis(names, axis="columns")


def _check_header(path: str, names: Sequence[str]) -> None:
    name, count = Counter(names).most_common(1)[0]
    if "" in names:
        raise InputError(
            f"{path!r}: column {names.index('') + 1} has no name; each column needs one: name it "
            "or drop the column"
        )
    if count > 1:
        raise InputError(
            f"{path!r}: {count} columns are called {name!r}; names must differ: rename them"
        )
    if all(_is_number(name) for name in names):
        raise InputError(
            f"{path!r}: its first row holds only numbers ({name}, …); the first row must name the "
            "columns: add a header"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
