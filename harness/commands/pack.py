"""The command `pack`: many records in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.terminal import check_folder, output


def pack(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIRECTORY...", help="Results folders of `run`.")
    ],
) -> None:
    """Move the records of results folders, a file each, into one checked file a folder."""
    from harness.suites import packing

    for directory in directories:
        check_folder(directory)
        for line in packing.pack(directory).lines():
            output.print(line, markup=False)
