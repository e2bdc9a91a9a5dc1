"""Where commands print, and the options that several of them share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.core.errors import InputError

output = Console(soft_wrap=True, highlight=False)
notices = Console(stderr=True, soft_wrap=True, highlight=False)

DataFolder = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the published regression sets; else OpenML."),
]
ResultsFolder = Annotated[Path, typer.Argument(help="A results folder that `run` has filled.")]
ControlDatasetId = Annotated[
    str, typer.Argument(help="A dataset id, the path of an .npz or .hdf5, or FORMAT::PATH.")
]
Codebook = Annotated[
    str | None, typer.Option(help="Number continuous actions: kmeans-32, bins-9 and the like.")
]
ArrayNames = Annotated[
    list[str] | None,
    typer.Option("--map", help="An array of an .npz, as ours=theirs (rewards=r); repeatable."),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Take what is on this machine, and ask no hub.")
]


def ask_no_hub(offline: bool) -> None:
    """Tell this process and those that it starts to download nothing."""
    if offline:
        os.environ["BELLMAN_BENCH_OFFLINE"] = "1"


def check_folder(folder: Path) -> None:
    """Refuse a results folder that can be neither used nor made.

    Raises:
        InputError: If it, or what it would be made in, is a file or cannot be written.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InputError(
            f"results folder {str(folder)!r}: {str(there)!r} is no folder that can be written; "
            "choose another"
        )


def name_data_folder(data_dir: Path | None) -> None:
    """Tell this process and those that it starts where the published sets lie."""
    if data_dir is not None:
        os.environ["BELLMAN_BENCH_DATA"] = str(data_dir)


def parse_names(assignments: list[str] | None) -> dict[str, str]:
    """Read the values of --map.

    Raises:
        InputError: If one is no assignment.
    """
    names = {}
    for assignment in assignments or []:
        ours, separator, theirs = assignment.partition("=")
        if not separator:
            raise InputError(f"map {assignment!r}: write it as ours=theirs, such as rewards=r")
        names[ours] = theirs
    return names
