"""Lock files between processes, released when their holder ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from filelock import AcquireReturnProxy, FileLock, Timeout

# A disk without `flock` would need a marker file, which outlives a killed holder.
_lock = partial(FileLock, fallback_to_soft=False, poll_interval=0.02)
_TRIES: Final = 100  # to create a folder that other processes remove


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, removed on exit; the kernel releases it when its holder dies.

    The wait is polled in short steps, so that a `deadline` can interrupt it.

    Raises:
        RuntimeError: If this thread already holds it.
    """
    with _acquire(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # filelock does not remove it


def remove_free_locks(folder: Path) -> None:
    """Remove the lock files of killed processes from a folder."""
    for path in folder.glob("*.lock"):
        with suppress(Timeout), _lock(path, blocking=False):
            path.unlink(missing_ok=True)


def _acquire(path: Path) -> AcquireReturnProxy[FileLock]:
    for _ in range(_TRIES):
        # Another process may remove the empty folder at any moment, even within `mkdir`.
        with suppress(FileNotFoundError, FileExistsError):
            return _lock(path).acquire()
    return _lock(path).acquire()
