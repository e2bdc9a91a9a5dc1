"""Locks that are removed after use, by processes and threads that want one at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.core.storage.locks import locked
from harness.execution.local import ProcessExecutor


def enter_often(lock: Path, marks: Path, times: int) -> None:
    """Count in a file, which loses counts if two do so at once; the folder is often removed."""
    for _ in range(times):
        with locked(lock):
            count = int(marks.read_text())
            time.sleep(0.0002)
            marks.write_text(str(count + 1))
        with suppress(OSError):
            lock.parent.rmdir()


def test_no_two_processes_or_threads_hold_a_lock_that_is_removed_after_use(tmp_path: Path) -> None:
    lock, marks = tmp_path / "locks" / ".lock", tmp_path / "marks"
    marks.write_text("0")
    work = partial(enter_often, lock, marks, 150)
    with ProcessExecutor(1) as executor, ThreadPoolExecutor(2) as threads:
        executor.submit(int).result()  # so that they begin together
        for future in [executor.submit(work), *(threads.submit(work) for _ in range(2))]:
            future.result()
    assert marks.read_text() == "450"
    assert not lock.parent.exists()
