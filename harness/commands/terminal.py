"""Consoles, and options that several commands share."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from harness.core.errors import InputError, PathError

if TYPE_CHECKING:
    from harness.analysis.tables import Captioned

output = Console(soft_wrap=True, highlight=False)
notices = Console(stderr=True, soft_wrap=True, highlight=False)


def suite_names(typed: str) -> list[str]:
    """Complete the name of a shipped suite."""
    from harness.suites.shipped import shipped_suites

    return sorted(name for name in shipped_suites() if name.startswith(typed))


SuiteName = Annotated[
    str,
    typer.Argument(help="A shipped suite, or the path of a TOML file.", autocompletion=suite_names),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the published regression sets; by default OpenML."),
]
ResultsFolder = Annotated[Path, typer.Argument(help="A results folder of `run`.")]
OutputFolder = Annotated[
    Path | None,
    typer.Option("--output", help="Folder to write to, instead of the results folder."),
]
ResultsFolders = Annotated[
    list[Path], typer.Argument(metavar="DIRECTORY...", help="Results folders of `run`.")
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", help="A file to write as well: .md, .csv, .tex or .html.")
]
ClaimsFile = Annotated[Path | None, typer.Option(help="A TOML file of published claims to check.")]
ControlDatasetId = Annotated[
    str, typer.Argument(help="A dataset id, the path of an .npz, .hdf5 or .csv, or FORMAT::PATH.")
]
Codebook = Annotated[
    str | None,
    typer.Option(
        help="Discretise continuous actions, such as by kmeans-32 or bins-9; else they stay."
    ),
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


def show_table(make: Callable[[], Captioned], file: Path | None) -> None:
    """Make a table, print it in markdown with its caption, and write it to a file if one is given.

    Raises:
        InputError: If the file's name tells no format, before anything is made.
    """
    from harness.analysis.rendering import format_of
    from harness.core.storage.files import write_whole

    format_ = format_of(file) if file else ""
    table = make()
    output.out(table.block("markdown"), end="", highlight=False)
    if file:
        notices.print(f"wrote {write_whole(file, table.document(format_).encode())}", markup=False)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking through the records, over and over.

    Ten thousand of them are a million objects that stay until the end, none of them garbage.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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


def check_folder(folder: Path, *, to_write: bool = True) -> None:
    """Check that a results folder can be written or created, or else that there could be one.

    Raises:
        InputError: If it, or its parent, is a file or cannot be written.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or (to_write and not os.access(there, os.W_OK)):
        raise InputError(
            f"results folder {str(folder)!r}: {str(there)!r} is not a writable folder; choose "
            "another"
        )


def name_data_folder(data_dir: Path | None) -> None:
    """Set the folder of the published sets for this process and its child processes."""
    if data_dir is not None:
        os.environ["BELLMAN_BENCH_DATA"] = str(data_dir)


def split_names(names: str) -> list[str]:
    """Parse names that stand between commas."""
    return [name.strip() for name in names.split(",") if name.strip()]
