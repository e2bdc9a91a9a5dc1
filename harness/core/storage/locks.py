"""Lock files: one process at a time, and none for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from filelock import AcquireReturnProxy, FileLock, Timeout

# On a disk without `flock` a marker file would have to do, which outlives a killed holder.
_lock = partial(FileLock, fallback_to_soft=False, poll_interval=0.02)
_TRIES: Final = 100  # to find a folder that others remove


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, which is removed in the end; the kernel frees it when its holder dies.

    It is waited for in short steps, between which a `deadline` can end the wait.

    Raises:
        RuntimeError: If this thread already holds it.
    """
    with _acquire(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # filelock keeps it


def remove_free_locks(folder: Path) -> None:
    """Remove the lock files that processes which were killed have left in a folder."""
    for path in folder.glob("*.lock"):
        with suppress(Timeout), _lock(path, blocking=False):
            path.unlink(missing_ok=True)


def _acquire(path: Path) -> AcquireReturnProxy[FileLock]:
    for _ in range(_TRIES):
        # Another process may remove the empty folder between two steps, even those of `mkdir`.
        with suppress(FileNotFoundError, FileExistsError):
            return _lock(path).acquire()
    return _lock(path).acquire()
