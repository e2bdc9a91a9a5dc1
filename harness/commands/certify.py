"""The command `certify`: bounds on the loss gap between a reduction and its source."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import DataFolder, Offline, ask_no_hub, name_data_folder, output
from harness.core.classes.reading import Reading


@takes_reading("environment", "reference_min", "reference_max")
def certify(
    distilled: Annotated[str, typer.Argument(help="An output of `distill`: .npz or Minari id.")],
    against: Annotated[str, typer.Option(help="The dataset that it was made from.")],
    reading: Reading,
    discount: Annotated[
        float | None, typer.Option(help="γ of the Bellman loss; by default the reduction's.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the subsets to compare with, and of the learner.")
    ] = 0,
    learner: Annotated[
        str | None,
        typer.Option(help="Train it on the reduction, and judge its policy by the dataset."),
    ] = None,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Bound the loss gap between a reduction and its source, or judge what it teaches."""
    from harness.tasks import certify as certificates

    name_data_folder(data_dir)
    ask_no_hub(offline)
    for line in certificates.certify(distilled, against, discount, seed, learner, reading):
        output.print(line, markup=False)
