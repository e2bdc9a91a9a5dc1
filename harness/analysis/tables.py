"""The comparison of arms, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from harness.analysis.captions import protocol, provenance
from harness.analysis.claims.control import render_verdict_table
from harness.analysis.claims.regression import render_claims
from harness.analysis.metrics import comparison, fresh_gap, test_error, worst_case_gap
from harness.analysis.metrics.base import measure
from harness.analysis.metrics.returns import comparison as returns
from harness.analysis.metrics.returns import cost, improvement, variance
from harness.analysis.rendering import render
from harness.core.records import RunRecord, read_records
from harness.core.storage.files import write_whole

_DEFINITIONS = {
    "return": returns.DEFINITIONS,
    "test MSE": test_error.DEFINITIONS,
    "worst-case gap": worst_case_gap.DEFINITIONS,
    "fresh gap": fresh_gap.DEFINITIONS,
}
_CONTROL_TABLES = {  # beside the comparison, where they have rows
    "improvement": (improvement.compare_improvement, improvement.DEFINITIONS),
    "variance": (variance.compare_variance, variance.DEFINITIONS),
    "cost": (cost.compare_cost, cost.DEFINITIONS),
}


def caption(records: Iterable[RunRecord]) -> str:
    """Say in one line what the table rests on and how its columns are defined.

    Raises:
        InputError: If the records do not share one measure.
    """
    records = list(records)
    measured = measure(records)
    parts = [provenance(records), *_DEFINITIONS[measured]]
    return "; ".join([*parts, protocol(records)] if measured == "return" else parts) + "."


@dataclass(frozen=True, eq=False)
class Tables:
    """All that tables say of one results folder."""

    directory: Path
    claims: Path | None
    records: Sequence[RunRecord]
    comparison: pd.DataFrame

    @classmethod
    def read(cls, directory: Path, claims: Path | None = None) -> Self:
        """Read the records of a folder and compare the arms.

        Args:
            directory: A results folder.
            claims: A TOML file of published claims to judge.

        Raises:
            InputError: If there are no readable records, or they do not share one measure.
        """
        records = list(read_records(directory))
        return cls(directory, claims, records, comparison(records))

    def captioned(self) -> dict[str, tuple[pd.DataFrame, str]]:
        """Say each table and its caption by name: the comparison, and what stands beside it.

        Of control, ``improvement`` stands beside it if arms can be compared with ``random`` or
        ``stratified``, ``cost`` if they can be with ``full``, and ``variance`` if reductions have
        several learner seeds.
        """
        first = {"comparison": (self.comparison, caption(self.records))}
        beside = _control_tables(self.records) if measure(self.records) == "return" else {}
        return first | beside

    def write(self) -> list[Path]:
        """Write each table to ``DIRECTORY/tables/NAME.{md,csv,tex}``, and claims to ``claims.md``.

        The same records give the same bytes.

        Raises:
            InputError: If the claims cannot be read or judged.
        """
        texts: dict[str, str] = {}
        for name, (table, line) in self.captioned().items():
            texts |= _in_every_format(name, table, line)
        if self.claims:
            texts["claims.md"] = render_claims(self.records, self.claims)
        folder = self.directory / "tables"
        return [write_whole(folder / name, text.encode()) for name, text in texts.items()]

    def blocks(self, format: str) -> dict[str, str]:
        """Say what another text may hold, by the name between its marks.

        Returns:
            The comparison under the folder's name, and of control with claims the verdicts, in
            markdown, under that name and ``verdict``. In markdown each has its caption beneath.

        Raises:
            InputError: If the format is unknown or the claims cannot be judged.
        """
        name = self.directory.resolve().name
        blocks = {name: render(self.comparison, format)}
        if format == "markdown":
            blocks[name] += f"\n{caption(self.records)}\n"
        if self.claims and measure(self.records) == "return":
            blocks[f"{name} verdict"] = render_verdict_table(self.records, self.claims)
        return blocks


def write_tables(directory: Path, claims: Path | None = None) -> list[Path]:
    """Read a results folder and write its tables; see `Tables`."""
    return Tables.read(directory, claims).write()


def _control_tables(records: Sequence[RunRecord]) -> dict[str, tuple[pd.DataFrame, str]]:
    tables: dict[str, tuple[pd.DataFrame, str]] = {}
    for name, (compare, definitions) in _CONTROL_TABLES.items():
        table = compare(records)
        line = "; ".join((provenance(records), *definitions, protocol(records))) + "."
        tables |= {} if table.empty else {name: (table, line)}
    return tables


def _in_every_format(name: str, table: pd.DataFrame, line: str) -> dict[str, str]:
    return {
        f"{name}.md": f"{line}\n\n{render(table, 'markdown')}",
        f"{name}.csv": render(table, "csv"),
        f"{name}.tex": f"% {line}\n{render(table, 'latex')}",
    }
