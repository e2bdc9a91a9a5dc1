"""The command `inspect`: statistics of a dataset, and problems found in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.terminal import (
    ArrayNames,
    Codebook,
    ControlDatasetId,
    Offline,
    ask_no_hub,
    output,
    parse_names,
)


def inspect(
    dataset_id: ControlDatasetId,
    reference: Annotated[
        str | None, typer.Option(help="Reference dataset for the state-action coverage.")
    ] = None,
    codebook: Codebook = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw a figure: a .png, or a folder for it.")
    ] = None,
    names: ArrayNames = None,
    offline: Offline = False,
) -> None:
    """Print statistics of a dataset, and problems found in it."""
    from envs.actions.codebook import parse_codebook
    from envs.inspection.report import inspect_dataset
    from envs.loading import open_recording

    ask_no_hub(offline)
    lines = inspect_dataset(
        open_recording(dataset_id, parse_names(names)),
        open_recording(reference) if reference else None,
        parse_codebook(codebook) if codebook else None,
        figure,
    )
    for line in lines:
        output.print(line, markup=False)
