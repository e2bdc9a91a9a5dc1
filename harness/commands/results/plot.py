"""The command `plot`: figures of the results."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.terminal import (
    OutputFolder,
    ResultsFolder,
    notices,
    offering_output,
    output,
    split_names,
)


def plot(
    directory: ResultsFolder,
    arms: Annotated[str, typer.Option(help="Arms to draw, between commas; all unless given.")] = "",
    learners: Annotated[
        str, typer.Option(help="Learners to draw, between commas; all unless given.")
    ] = "",
    output_folder: OutputFolder = None,
) -> None:
    """Plot results against gradient steps, size or number of predictors."""
    from harness.analysis import write_figures

    with offering_output(output_folder):
        paths = write_figures(directory, output_folder, split_names(arms), split_names(learners))
    for path in paths:
        output.print(f"wrote {path}", markup=False)
    if not paths:
        notices.print(
            "nothing to plot: no run has a size nor a learner several checkpoints, or the metric "
            "has no figures"
        )
