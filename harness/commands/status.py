"""The command `status`: progress of a suite."""

from __future__ import annotations

from harness.commands.terminal import ResultsFolder, output


def status(directory: ResultsFolder) -> None:
    """Print the progress of a suite, also while it is running."""
    from harness.execution.status import read_status

    for line in read_status(directory).lines():
        output.print(line, markup=False)
