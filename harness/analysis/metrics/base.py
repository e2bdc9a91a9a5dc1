"""What a metric is to the analysis: its tables and how they are defined, and its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.captions import protocol, provenance
from harness.analysis.columns import Columns
from harness.analysis.frame import runs_frame
from harness.core.errors import InputError
from harness.core.records import RunRecord, RunResult
from harness.core.specs import Task

RETURN = "return"  # what records with checkpoints measure, which name no metric


def _no_remark(_: Sequence[RunRecord]) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of records, and what its caption says of it."""

    columns: Columns
    definitions: tuple[str, ...]
    compare: Callable[[Iterable[RunRecord]], pd.DataFrame]  # any order of records gives the same
    remarks: Callable[[Sequence[RunRecord]], str] = _no_remark  # what these records call for
    tells_protocol: bool = False  # whether the caption names the learners' parameters

    def caption(self, records: Sequence[RunRecord]) -> str:
        """Say in one line what the table rests on and how its columns are defined."""
        remark = self.remarks(records)
        parts = [*([remark] if remark else []), provenance(records), *self.definitions]
        return "; ".join([*parts, protocol(records)] if self.tells_protocol else parts) + "."


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Curves that a reader of the report chooses from, one for each arm."""

    title: str
    value: str  # column of the vertical axis, with NAME_low and NAME_high
    against: str  # column of the horizontal axis
    axis: str  # label of the horizontal axis
    across: Literal["log", "linear"] = "log"  # scale of the horizontal axis
    floor: float | None = None  # of a logarithmic axis of values; None: the axis is linear
    table: Table | None = None  # where the columns are; None: in the comparison
    is_drawn: Callable[[Sequence[RunRecord]], bool] = bool  # whether records have such curves


def _no_figures(_: Sequence[RunRecord]) -> dict[str, Figure]:
    return {}


def _no_verdict(_: Sequence[RunRecord], __: pd.DataFrame) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Metric(Table):
    """The comparison of arms by what their runs measured, the tables beside it, and its figures.

    The names of tables and figures are those of the files that they are written to.
    """

    name: str  # as in the records
    task: Task | None = None  # whose runs measure it, if they are of one task
    is_default: bool = False  # whether a folder counts as it where all runs of its task failed
    beside: Mapping[str, Table] = field(default_factory=dict)  # written where they have rows
    figures: Callable[[Sequence[RunRecord]], dict[str, Figure]] = _no_figures
    # a row a run under its ``run_id``, with the columns that tell the comparison's rows apart
    runs: Callable[[Iterable[RunRecord]], pd.DataFrame] = runs_frame
    charts: tuple[Chart, ...] = ()  # of the report; the first is shown first
    # in a sentence what the records say, given them and the comparison; empty: nothing
    verdict: Callable[[Sequence[RunRecord], pd.DataFrame], str] = _no_verdict

    def tables(self) -> dict[str, Table]:
        """All tables by name, the comparison first."""
        return {"comparison": self, **self.beside}


def measured(record: RunRecord) -> str | None:
    """Name what a run measured; None if it failed."""
    if record.result is None:
        return None
    return RETURN if isinstance(record.result, RunResult) else record.result.metric


def checked(records: Iterable[RunRecord], wanted: str) -> list[RunRecord]:
    """List the records if they can be drawn.

    Raises:
        InputError: If no run was completed, or the runs measured something else than ``wanted``.
    """
    listed = list(records)
    found = {name for name in map(measured, listed) if name is not None}
    if not found:
        raise InputError(
            f"0 of {len(listed)} runs completed: a figure needs one; read `error` in a record, "
            "mend the cause and run the suite again"
        )
    if found != {wanted}:
        raise InputError(
            f"records of {' and '.join(sorted(found))}: this figure shows {wanted}; draw the "
            "figures of a folder with `bellman-bench plot`"
        )
    return listed
