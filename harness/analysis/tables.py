"""The comparison of arms, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from harness.analysis import cost, errors, fresh, gaps, improvement, returns, variance
from harness.analysis.captions import protocol, provenance
from harness.analysis.claims import render_claims
from harness.analysis.comparison import comparison
from harness.analysis.measures import measure
from harness.analysis.rendering import render
from harness.analysis.verdicts import render_verdict_table
from harness.files import write_whole
from harness.records import RunRecord, read_records

_DEFINITIONS = {
    "return": returns.DEFINITIONS,
    "test MSE": errors.DEFINITIONS,
    "worst-case gap": gaps.DEFINITIONS,
    "fresh gap": fresh.DEFINITIONS,
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
    return "; ".join((provenance(records), *_DEFINITIONS[measure(records)])) + "."


def write_tables(directory: Path, claims: Path | None = None) -> list[Path]:
    """Write ``DIRECTORY/tables/comparison.{md,csv,tex}`` from ``DIRECTORY/records``.

    Of control, ``improvement`` stands beside it if arms can be compared with ``random`` or
    ``stratified``, ``cost`` if they can be with ``full``, and ``variance`` if reductions have
    several learner seeds. The same records give the same bytes.

    Args:
        directory: A results folder.
        claims: A TOML file of published claims; what the records say to them then stands in
            ``DIRECTORY/tables/claims.md``.

    Raises:
        InputError: If there are no readable records, they do not share one measure, or the
            claims cannot be read or judged.
    """
    records = list(read_records(directory))
    texts = _in_every_format("comparison", comparison(records), caption(records))
    if measure(records) == "return":
        texts |= _control_texts(records)
    if claims:
        texts["claims.md"] = render_claims(records, claims)
    return [write_whole(directory / "tables" / name, text.encode()) for name, text in texts.items()]


def text_blocks(directory: Path, format: str, claims: Path | None = None) -> dict[str, str]:
    """What another text may hold of a results folder, by the name between its marks.

    Returns:
        The comparison under the folder's name, and of control with claims the verdicts, in
        markdown, under that name and ``verdict``.

    Raises:
        InputError: As `write_tables`, or if the format is unknown.
    """
    records = list(read_records(directory))
    blocks = {directory.name: render(comparison(records), format)}
    if claims and measure(records) == "return":
        blocks[f"{directory.name} verdict"] = render_verdict_table(records, claims)
    return blocks


def _control_texts(records: Sequence[RunRecord]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, (compare, definitions) in _CONTROL_TABLES.items():
        table = compare(records)
        line = "; ".join((provenance(records), *definitions, protocol(records))) + "."
        texts |= {} if table.empty else _in_every_format(name, table, line)
    return texts


def _in_every_format(name: str, table: pd.DataFrame, line: str) -> dict[str, str]:
    return {
        f"{name}.md": f"{line}\n\n{render(table, 'markdown')}",
        f"{name}.csv": render(table, "csv"),
        f"{name}.tex": f"% {line}\n{render(table, 'latex')}",
    }
