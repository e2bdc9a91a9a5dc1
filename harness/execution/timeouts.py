"""A time-out for one run, whatever thread it is in."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class DeadlineExceeded(BaseException):
    """The time of a run is up."""


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raise `DeadlineExceeded` in the block once the seconds are over; None is no deadline.

    It is raised between two steps of Python: a call that never returns is not ended by it.
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
            _raise_in(thread, None)  # one that is under way must not reach what follows
        timer.cancel()


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    pending = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), pending)
