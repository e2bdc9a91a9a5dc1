"""The command `report`: verdict, curves, tables, figures and runs on one HTML page."""

from __future__ import annotations

from harness.commands.terminal import (
    ClaimsFile,
    OutputFolder,
    ResultsFolder,
    collector_paused,
    offering_output,
    output,
)


@collector_paused()
def report(
    directory: ResultsFolder, claims: ClaimsFile = None, output_folder: OutputFolder = None
) -> None:
    """Write report.html: a verdict, curves to choose from, tables, figures and runs on one page."""
    from harness.analysis import write_report

    with offering_output(output_folder):
        path = write_report(directory, output_folder, claims)
    output.print(f"wrote {path}", markup=False)
