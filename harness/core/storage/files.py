"""Atomic writing of files."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from harness.core.errors import system_error
from harness.core.storage.processes import HOST, is_gone

_PARTIAL = re.compile(r"\..+\.(?P<pid>\d+)-(?P<host>[A-Za-z0-9-]+)\.partial")


def write_whole(path: Path, content: bytes | memoryview) -> Path:
    """Write a file atomically, create its folder if needed, and return its path.

    Raises:
        PathError: If the system refuses, as where the disk is full; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{HOST}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink()
    except OSError as error:
        raise system_error(error, path) from error
    return path


def flush(path: Path) -> None:
    """Wait until the disk holds a file and its name, so that what it replaces may be removed."""
    for place in (path, path.parent):
        opened = os.open(place, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def remove_partials(folder: Path) -> None:
    """Remove the half-written files of killed processes from a folder."""
    for partial in folder.glob(".*.partial"):
        writer = _PARTIAL.fullmatch(partial.name)
        try:
            silence = time.time() - partial.stat().st_mtime
        except FileNotFoundError:
            continue  # its writer has just finished
        if writer and is_gone(writer["host"], int(writer["pid"]), silence):
            partial.unlink(missing_ok=True)
