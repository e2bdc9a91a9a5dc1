"""Timing of alternatives in one run."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(*tasks: Callable[[], object], repeats: int = 7) -> list[float]:
    """Best wall time of each task; tasks take turns, so that load falls on all alike."""
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for number, task in enumerate(tasks):
            started = time.perf_counter()
            task()
            best[number] = min(best[number], time.perf_counter() - started)
    return best
