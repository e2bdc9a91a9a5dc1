"""A time-out for a block of code, in any thread."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class DeadlineExceeded(BaseException):
    """A run has exceeded its time-out."""


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raise `DeadlineExceeded` in the block after the given seconds; None: no deadline.

    It is raised between two bytecode instructions: a call into C that never returns is not ended.
    """
    if seconds is None:
        yield
        return
    thread, lock, running = threading.get_ident(), threading.Lock(), [True]

    def expire() -> None:
        with lock:
            if running:
                _raise_in(thread, DeadlineExceeded)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            running.clear()
            _raise_in(thread, None)  # a pending one must not be raised after the block
        timer.cancel()


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    pending = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)
