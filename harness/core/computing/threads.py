"""One thread for numerical work, whatever the machine has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Let linear algebra use one thread, in a ``with`` block or a decorated function.

    The order in which threads end would change sums, so that digits would depend on the machine;
    and threads make many small factorisations 10 to 100 times slower.
    """
    with _loaded_libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _loaded_libraries(_imported: int) -> ThreadpoolController:
    """Find the libraries that are loaded: again after an import only, for it takes milliseconds."""
    return ThreadpoolController()
