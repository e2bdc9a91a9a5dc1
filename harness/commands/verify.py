"""The command `verify`: check records, and repeat runs."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.terminal import (
    DataFolder,
    Offline,
    ResultsFolder,
    ask_no_hub,
    name_data_folder,
    notices,
    output,
)


def verify(
    directory: ResultsFolder,
    sample: Annotated[int, typer.Option(help="Number of runs to repeat, chosen at random.")] = 3,
    import_modules: Annotated[
        bool,
        typer.Option(
            "--import-modules",
            help="Repeat also runs whose records name module:Class, and import that module.",
        ),
    ] = False,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Check records and datasets, and whether runs can be repeated with equal results."""
    from harness.suites import verify as verification

    name_data_folder(data_dir)
    ask_no_hub(offline)
    found = verification.verify(directory, sample, import_modules)
    for remark in found.remarks:
        notices.print(remark, markup=False)
    for problem in found.problems:
        notices.print(problem, style="red", markup=False)
    output.print(found.summary, markup=False)
    if found.problems:
        raise typer.Exit(1)
