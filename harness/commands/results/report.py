"""The command `report`: figures, tables and captions on one HTML page."""

from __future__ import annotations

from harness.commands.terminal import ResultsFolder, output


def report(directory: ResultsFolder) -> None:
    """Write report.html: figures, tables and captions on one page."""
    from harness.analysis import write_report

    output.print(f"wrote {write_report(directory)}", markup=False)
