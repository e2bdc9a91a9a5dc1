"""The command `status`: how far a suite is."""

from __future__ import annotations

from harness.commands.terminal import ResultsFolder, output


def status(directory: ResultsFolder) -> None:
    """Say how far a suite is, from another terminal if need be."""
    from harness.execution.status import read_status

    for line in read_status(directory).lines():
        output.print(line, markup=False)
