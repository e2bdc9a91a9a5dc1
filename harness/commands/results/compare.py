"""The command `compare`: arms of several results folders side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.terminal import OutputFile, ResultsFolders, collector_paused, show_table


@collector_paused()
def compare(
    directories: ResultsFolders,
    versus: Annotated[str, typer.Option(help="The arm to compare with.")] = "full",
    engines: Annotated[
        bool, typer.Option("--engines", help="Let engines differ; arms are named with theirs.")
    ] = False,
    file: OutputFile = None,
) -> None:
    """Compare the arms of results folders with one arm, in the seeds that both have."""
    from harness.analysis.folders import compare_folders, read_folders

    show_table(lambda: compare_folders(read_folders(directories), versus, engines), file)
