"""The command `report`: figures, tables and captions on one HTML page."""

from __future__ import annotations

from harness.commands.terminal import OutputFolder, ResultsFolder, offering_output, output


def report(directory: ResultsFolder, output_folder: OutputFolder = None) -> None:
    """Write report.html: figures, tables and captions on one page."""
    from harness.analysis import write_report

    with offering_output(output_folder):
        path = write_report(directory, output_folder)
    output.print(f"wrote {path}", markup=False)
