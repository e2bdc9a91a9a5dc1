"""The command `collect`: collect an embedded dataset and store it."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.terminal import output


def collect(dataset_id: Annotated[str, typer.Argument(help="An embedded dataset's id.")]) -> None:
    """Collect an embedded dataset as a Minari dataset, unless it is already stored."""
    from envs.loading import open_dataset

    dataset = open_dataset(dataset_id)
    output.print(f"{dataset_id}: {len(dataset.transitions)} transitions", markup=False)
