"""Lock files: one process at a time, and none for ever."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

POLL: Final = 0.02  # seconds between looks at a lock that another holds


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, which is removed in the end; the kernel frees it when its holder dies.

    It is waited for in short steps, between which a `deadline` can end the wait: a call that
    blocks in the kernel it could not end.
    """
    while (file := _take(path)) is None:
        time.sleep(POLL)
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def remove_free_locks(folder: Path) -> None:
    """Remove the lock files that processes which were killed have left in a folder."""
    for path in folder.glob("*.lock"):
        file = _take(path)
        if file:
            with file:
                path.unlink(missing_ok=True)


def _take(path: Path) -> IO[bytes] | None:
    """Open a lock file and lock it, or return None if another holds it."""
    with ExitStack() as closing, suppress(FileNotFoundError, BlockingIOError):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = closing.enter_context(path.open("ab"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # or its holder removed it
            closing.pop_all()
            return file
    return None
