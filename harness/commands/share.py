"""The command `share`: a reduced set as a Minari dataset with a card, pushed to a hub if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.terminal import Offline, ask_no_hub, output


def share(
    source: Annotated[
        str, typer.Argument(metavar="SET", help="An output of `distill`: .npz or Minari id.")
    ],
    destination: Annotated[
        str | None,
        typer.Option("--output", help="A new Minari id for an .npz, such as mine/cartpole-50-v0."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(help="Its identifier, such as mit or cc-by-4.0; by default the source's."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="The dataset that it was made from: certifies it.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="A results folder with runs that trained on it.")
    ] = None,
    remote: Annotated[
        str | None, typer.Option(help="Push it to an account of a hub, as hf://NAME.")
    ] = None,
    offline: Offline = False,
) -> None:
    """Write a reduced set as a Minari dataset with a card, and push it to a hub."""
    from harness.tasks.sharing.share import Sharing
    from harness.tasks.sharing.share import share as write

    ask_no_hub(offline)
    for line in write(Sharing(source, destination, licence, against, results, remote)):
        output.print(line, markup=False)
