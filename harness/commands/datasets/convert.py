"""The command `convert`: write a file's transitions as a Minari dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import ControlDatasetId, Offline, ask_no_hub, notices, output
from harness.core.classes.reading import Reading


@takes_reading()
def convert(
    source: ControlDatasetId,
    destination: Annotated[
        str, typer.Option("--output", help="A new Minari id, such as mine/hopper-v0.")
    ],
    reading: Reading,
    join: Annotated[
        bool, typer.Option("--join", help="Remove time-outs after which the next row goes on.")
    ] = False,
    offline: Offline = False,
) -> None:
    """Convert a file of transitions to a Minari dataset."""
    from envs.convert import convert as write
    from envs.convert import find_notes, join_continued
    from envs.formats.minari.output import check_new_id
    from envs.loading import open_recording, warn_of_problems

    ask_no_hub(offline)
    check_new_id(destination)
    recording = open_recording(source, reading)
    if join:
        recording = join_continued(recording)
    warn_of_problems(recording)
    folder = write(recording, destination)
    for note in find_notes(recording):
        notices.print(f"note: {note}", markup=False)
    output.print(f"{destination}: {len(recording)} rows in {folder}", markup=False)
