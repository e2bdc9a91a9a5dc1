"""The command `table`: the comparison of methods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.terminal import (
    ClaimsFile,
    OutputFolder,
    ResultsFolder,
    collector_paused,
    notices,
    offering_output,
    output,
)
from harness.core.errors import PathError

if TYPE_CHECKING:
    from harness.analysis import Tables


@collector_paused()
def table(
    directory: ResultsFolder,
    format_: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex, html.")
    ] = "markdown",
    into: Annotated[
        Path | None,
        typer.Option(help="A text file with '<!-- begin NAME -->' and '<!-- end NAME -->'."),
    ] = None,
    claims: ClaimsFile = None,
    output_folder: OutputFolder = None,
) -> None:
    """Print the comparison of methods by returns, errors or gaps, and write it in all formats."""
    from harness.analysis import Tables, embed_found

    tables = Tables.read(directory, claims)
    blocks = tables.blocks(format_)
    told = _write(tables, output_folder)
    if into:
        embed_found(into, blocks)
    output.out(next(iter(blocks.values())), end="", highlight=False)
    for line in told:
        notices.print(line, markup=False)


def _write(tables: Tables, folder: Path | None) -> list[str]:
    """Write tables, and say where; to be shut out of a results folder alone is no error."""
    try:
        with offering_output(folder):
            return [f"wrote {path}" for path in tables.write(folder)]
    except PathError as error:
        if folder is not None:
            raise
        return [f"note: printed alone: {error}"]
