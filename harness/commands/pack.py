"""The command `pack`: many records in one file."""

from __future__ import annotations

from harness.commands.terminal import ResultsFolders, check_folder, output


def pack(directories: ResultsFolders) -> None:
    """Move the records of results folders, a file each, into one checked file a folder."""
    from harness.suites import packing

    for directory in directories:
        check_folder(directory)
        for line in packing.pack(directory).lines():
            output.print(line, markup=False)
