"""The command `collect`: collect an embedded dataset and store it."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.terminal import output
from harness.core.errors import InputError


def collect(dataset_id: Annotated[str, typer.Argument(help="An embedded dataset's id.")]) -> None:
    """Collect an embedded dataset as a Minari dataset, unless it is already stored."""
    from envs.loading import is_in_file, open_dataset

    if is_in_file(dataset_id):
        raise InputError(
            f"dataset {dataset_id!r} is a file: embedded datasets alone are collected; give an id, "
            "such as classic/cartpole/medium-v0, or use inspect or convert"
        )
    dataset = open_dataset(dataset_id)
    output.print(f"{dataset_id}: {len(dataset.transitions)} transitions", markup=False)
