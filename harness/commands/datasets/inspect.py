"""The command `inspect`: statistics of a dataset, and problems found in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import Codebook, ControlDatasetId, Offline, ask_no_hub, output
from harness.core.classes.reading import Reading


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
    kind = Reading(actions=reading.actions, action_count=reading.action_count)
    lines = inspect_dataset(
        open_recording(dataset_id, reading),
        open_recording(reference, kind) if reference else None,
        parse_codebook(codebook) if codebook else None,
        figure,
    )
    for line in lines:
        output.print(line, markup=False)
