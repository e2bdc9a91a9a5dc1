"""The comparison of arms, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.analysis import errors, fresh, gaps, returns
from harness.analysis.captions import provenance
from harness.analysis.claims import render_claims
from harness.analysis.comparison import comparison
from harness.analysis.measures import measure
from harness.analysis.rendering import render
from harness.files import write_whole
from harness.records import RunRecord, read_records

_DEFINITIONS = {
    "return": returns.DEFINITIONS,
    "test MSE": errors.DEFINITIONS,
    "worst-case gap": gaps.DEFINITIONS,
    "fresh gap": fresh.DEFINITIONS,
}


def caption(records: Iterable[RunRecord]) -> str:
    """Say in one line what the table rests on and how its columns are defined.

    Raises:
        InputError: If the records do not share one measure.
    """
    records = list(records)
    return "; ".join((provenance(records), *_DEFINITIONS[measure(records)])) + "."


def write_tables(directory: Path, claims: Path | None = None) -> list[Path]:
    """Write ``DIRECTORY/tables/comparison.{md,csv,tex}`` from ``DIRECTORY/records``.

    The same records give the same bytes.

    Args:
        directory: A results folder.
        claims: A TOML file of published claims; what the records say to them then stands in
            ``DIRECTORY/tables/claims.md``.

    Raises:
        InputError: If there are no readable records, they do not share one measure, or the
            claims cannot be read or judged.
    """
    records = list(read_records(directory))
    table, line = comparison(records), caption(records)
    texts = {
        "comparison.md": f"{line}\n\n{render(table, 'markdown')}",
        "comparison.csv": render(table, "csv"),
        "comparison.tex": f"% {line}\n{render(table, 'latex')}",
    }
    if claims:
        texts["claims.md"] = render_claims(records, claims)
    return [write_whole(directory / "tables" / name, text.encode()) for name, text in texts.items()]
