"""The comparison of arms, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from harness.analysis.claims import (
    define_verdicts,
    judge_claims,
    render_claims,
    verdict_block,
)
from harness.analysis.columns import Columns
from harness.analysis.metrics import Metric, metric_of
from harness.analysis.metrics.base import Table
from harness.analysis.rendering import SUFFIXES, render
from harness.core.records import RunRecord, read_records
from harness.core.storage.files import write_whole


def caption(records: Iterable[RunRecord]) -> str:
    """Say in one line what the table rests on and how its columns are defined.

    Raises:
        InputError: If the records do not share one metric.
    """
    records = list(records)
    return metric_of(records).caption(records)


@dataclass(frozen=True, eq=False)
class Captioned:
    """A table that can be written, and its caption."""

    frame: pd.DataFrame
    columns: Columns
    caption: str

    def render(self, format: str) -> str:
        """Write the table alone as text; see `rendering.render`."""
        return render(self.frame, format, self.columns)

    def document(self, format: str) -> str:
        """Write the table as a file has it: with its caption, where the format has room for one."""
        text = self.render(format)
        if format == "markdown":
            return f"{self.caption}\n\n{text}"
        return f"% {self.caption}\n{text}" if format == "latex" else text

    def block(self, format: str) -> str:
        """Write the table as another text has it: in markdown with its caption beneath."""
        text = self.render(format)
        return f"{text}\n{self.caption}\n" if format == "markdown" else text


@dataclass(frozen=True, eq=False)
class Tables:
    """All that tables say of one results folder."""

    directory: Path
    claims: Path | None
    records: Sequence[RunRecord]
    metric: Metric
    comparison: Captioned

    @classmethod
    def read(cls, directory: Path, claims: Path | None = None) -> Self:
        """Read the records of a folder and compare the arms.

        Args:
            directory: A results folder.
            claims: A TOML file of published claims to judge.

        Raises:
            InputError: If there are no readable records, or they do not share one metric.
        """
        records = list(read_records(directory))
        metric = metric_of(records)
        compared = Captioned(metric.compare(records), metric.columns, metric.caption(records))
        return cls(directory, claims, records, metric, compared)

    def captioned(self) -> dict[str, Captioned]:
        """Say each table by name: the comparison, and what of the metric has rows beside it."""
        tables = {"comparison": self.comparison}
        for name, table in self.metric.beside.items():
            found = self.read_table(table)
            if not found.frame.empty:
                tables[name] = found
        return tables

    def read_table(self, table: Table) -> Captioned:
        """Make another table of the same records."""
        return Captioned(table.compare(self.records), table.columns, table.caption(self.records))

    def judged(self) -> Captioned | None:
        """Say the verdicts on the claims; None without claims.

        Raises:
            InputError: If the claims cannot be read or judged.
        """
        if self.claims is None:
            return None
        frame, columns = judge_claims(self.records, self.claims)
        return Captioned(frame, columns, define_verdicts(self.records, self.claims))

    def write(self, folder: Path | None = None) -> list[Path]:
        """Write each table to ``NAME.{md,csv,tex}`` of a folder, and claims to ``claims.md``.

        The same records give the same bytes.

        Args:
            folder: Where they go; None: ``DIRECTORY/tables``.

        Raises:
            InputError: If the claims cannot be read or judged.
            PathError: If the folder cannot be written.
        """
        texts: dict[str, str] = {}
        for name, table in self.captioned().items():
            texts |= _in_every_format(name, table)
        if self.claims:
            texts["claims.md"] = render_claims(self.records, self.claims)
        folder = folder or self.directory / "tables"
        return [write_whole(folder / name, text.encode()) for name, text in texts.items()]

    def blocks(self, format: str) -> dict[str, str]:
        """Say what another text may hold, by the name between its marks.

        Returns:
            The comparison under the folder's name, and of claims that have one the verdicts, in
            markdown, under that name and ``verdict``. In markdown each has its caption beneath.

        Raises:
            InputError: If the format is unknown or the claims cannot be judged.
        """
        name = self.directory.resolve().name
        blocks = {name: self.comparison.block(format)}
        if self.claims and (verdict := verdict_block(self.records, self.claims)):
            blocks[f"{name} verdict"] = verdict
        return blocks


def write_tables(directory: Path, claims: Path | None = None) -> list[Path]:
    """Read a results folder and write its tables; see `Tables`."""
    return Tables.read(directory, claims).write()


def _in_every_format(name: str, table: Captioned) -> dict[str, str]:
    return {
        f"{name}.{SUFFIXES[format]}": table.document(format)
        for format in ("markdown", "csv", "latex")
    }
