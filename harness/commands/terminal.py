"""Consoles, and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.core.errors import InputError, PathError

output = Console(soft_wrap=True, highlight=False)
notices = Console(stderr=True, soft_wrap=True, highlight=False)

DataFolder = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the published regression sets; by default OpenML."),
]
ResultsFolder = Annotated[Path, typer.Argument(help="A results folder of `run`.")]
OutputFolder = Annotated[
    Path | None,
    typer.Option("--output", help="Folder to write to, instead of the results folder."),
]
ControlDatasetId = Annotated[
    str, typer.Argument(help="A dataset id, the path of an .npz, .hdf5 or .csv, or FORMAT::PATH.")
]
Codebook = Annotated[
    str | None, typer.Option(help="Discretise continuous actions, such as by kmeans-32 or bins-9.")
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Use local datasets only, without downloads.")
]


class Stop(Exception):  # noqa: N818 - nothing has failed
    """A command ends at a signal, which it has reported."""

    def __init__(self, status: int) -> None:
        """Keep the exit status."""
        super().__init__(status)
        self.status = status


def ask_no_hub(offline: bool) -> None:
    """Forbid downloads in this process and its child processes."""
    if offline:
        os.environ["BELLMAN_BENCH_OFFLINE"] = "1"


@contextmanager
def offering_output(folder: Path | None) -> Iterator[None]:
    """Name --output where a results folder, perhaps somebody else's, cannot be written.

    Args:
        folder: The value of --output.

    Raises:
        PathError: As raised within, with that remedy unless the option was given.
    """
    try:
        yield
    except PathError as error:
        if folder is not None:
            raise
        raise PathError(f"{error}, as by --output FOLDER") from error


def check_folder(folder: Path) -> None:
    """Check that a results folder can be written or created.

    Raises:
        InputError: If it, or its parent, is a file or cannot be written.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InputError(
            f"results folder {str(folder)!r}: {str(there)!r} is not a writable folder; choose "
            "another"
        )


def name_data_folder(data_dir: Path | None) -> None:
    """Set the folder of the published sets for this process and its child processes."""
    if data_dir is not None:
        os.environ["BELLMAN_BENCH_DATA"] = str(data_dir)


def listed(names: str) -> list[str]:
    """Parse names that stand between commas."""
    return [name.strip() for name in names.split(",") if name.strip()]
