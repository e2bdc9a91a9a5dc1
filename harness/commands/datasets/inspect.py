"""The command `inspect`: statistics of a dataset, and problems found in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import Codebook, ControlDatasetId, Offline, ask_no_hub, output
from harness.core.classes.reading import Reading, read_without_options


@takes_reading()
def inspect(
    dataset_id: ControlDatasetId,
    reading: Reading,
    reference: Annotated[
        str | None, typer.Option(help="Reference dataset for the state-action coverage.")
    ] = None,
    codebook: Codebook = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw a figure: a .png, or a folder for it.")
    ] = None,
    offline: Offline = False,
) -> None:
    """Print statistics of a dataset, and problems found in it."""
    from envs.actions.codebook import parse_codebook
    from envs.inspection.report import inspect_dataset
    from envs.loading import open_recording

    ask_no_hub(offline)
    recording, other = open_recording(dataset_id, reading), None
    if reference:
        kind = Reading(actions=reading.actions, action_count=reading.action_count)
        with read_without_options("--reference"):
            other = open_recording(reference, kind)
    lines = inspect_dataset(
        recording,
        other,
        parse_codebook(codebook) if codebook else None,
        figure,
    )
    for line in lines:
        output.print(line, markup=False)
