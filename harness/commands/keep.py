"""The command `keep`: the sets that a study trained on, in one file."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.terminal import ResultsFolder, output, split_names
from harness.core.presentation.text import counted


def keep(
    directory: ResultsFolder,
    arms: Annotated[str, typer.Option(help="Arms whose sets are kept, between commas.")],
    import_modules: Annotated[
        bool,
        typer.Option("--import-modules", help="Import modules that records name as module:Class."),
    ] = False,
) -> None:
    """Put the reduced sets of a results folder into one file, for the same numbers elsewhere."""
    from harness.execution.kept_sets import sets_path
    from harness.suites.keeping import keep_sets

    count = keep_sets(directory, split_names(arms), import_modules)
    output.print(f"{counted(count, 'set')} in {sets_path(directory)}", markup=False)
