"""The command `table`: the comparison of methods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.terminal import ResultsFolder, collector_paused, notices, output


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
    claims: Annotated[
        Path | None, typer.Option(help="A TOML file of published claims to check.")
    ] = None,
) -> None:
    """Print the comparison of methods by returns, errors or gaps, and write it in all formats."""
    from harness.analysis import Tables, embed_found

    tables = Tables.read(directory, claims)
    blocks = tables.blocks(format_)
    written = tables.write()
    if into:
        embed_found(into, blocks)
    output.out(next(iter(blocks.values())), end="", highlight=False)
    for path in written:
        notices.print(f"wrote {path}", markup=False)
