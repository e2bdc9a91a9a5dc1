"""Reader of ``.csv`` tables with a transition a row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.formats.base import Format
from envs.formats.named_arrays import find_names, note_names, to_columns
from envs.formats.recording import Recording
from envs.reference import Reference
from envs.tables import read_table
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.errors import unknown_name

if TYPE_CHECKING:
    import pandas as pd

_REGRESSION = "; a table for regression is named with its target, as PATH.csv#COLUMN"
_NUMBERED = re.compile(r"(.+)_(0|[1-9]\d*)")


class CsvFormat(Format):
    """Comma-separated tables with a transition a row: observation_0, …, action, reward, …."""

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)
    takes_names: ClassVar[bool] = True

    def read(self, path: str, reading: Reading = AS_STORED) -> Recording:
        """Read a table whose first row names its columns.

        Columns ``NAME_0``, ``NAME_1``, … are one array, ``(N, k)``; any other column is an array
        ``(N,)``. See `to_columns` for their names and what they mean, and `Columns.to_recording`
        for episodes and missing next observations. Names of episodes may be text.

        Args:
            path: Path of the file.
            reading: Names of its arrays, ``x,v`` for the columns x and v side by side, and the kind
                and number of actions, if they must be said.

        Raises:
            InputError: If there is no such file, it is no table, or an array is missing or cannot
                be used.
        """
        frame = read_table(path)
        if frame.empty:
            frame = frame.astype(int)  # no row is what is wrong, and not the type of no cell
        columns = list(frame.columns)
        groups = _group(columns) | _side_by_side(path, columns, reading.map)
        names = find_names(path, groups, reading.map, _REGRESSION)
        named = {ours: _join(frame, groups[theirs]) for ours, theirs in names.items()}
        for ours in ("observations", "next_observations"):
            if ours in named and named[ours].ndim == 1:
                named[ours] = named[ours][:, None]
        if "episodes" in named and named["episodes"].dtype == object:
            named["episodes"] = np.unique(named["episodes"].astype(str), return_inverse=True)[1]
        used = {column for theirs in names.values() for column in groups[theirs]}
        unread = [name for name, members in groups.items() if used.isdisjoint(members)]
        rows = to_columns(path, named, note_names(names, unread))
        return rows.to_recording(Reference(), reading.action_count, reading.actions)


def _group(columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the columns of each array by its name."""
    numbered: dict[str, dict[int, str]] = defaultdict(dict)
    groups: dict[str, list[str]] = {}
    for column in columns:
        groups[column] = [column]
        if match := _NUMBERED.fullmatch(column):
            numbered[match[1]][int(match[2])] = column
    for name, members in numbered.items():
        if name not in groups and sorted(members) == list(range(len(members))):
            groups[name] = [groups.pop(members[number])[0] for number in range(len(members))]
    return groups


def _side_by_side(
    path: str, columns: Sequence[str], mapping: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the columns that the user lists, as in ``observations=x,v``, by that list."""
    lists = {
        name: [member.strip() for member in name.split(",")]
        for name in mapping.values()
        if "," in name and name not in columns
    }
    for members in lists.values():
        for member in members:
            if member not in columns:
                raise unknown_name(f"column of {path!r}", member, columns)
    return lists


def _join(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[Any]:
    """Return a column ``(N,)``, or several ``(N, k)``, as an array of its own."""
    arrays = [frame[column].to_numpy(copy=True) for column in columns]
    return arrays[0] if len(arrays) == 1 else np.column_stack(arrays)
