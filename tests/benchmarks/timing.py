"""Timing of alternatives in one run, and of suites."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.records import RunRecord
from harness.core.specs import Suite
from harness.suites.run import run_suite


def seconds(*tasks: Callable[[], object], repeats: int = 7) -> list[float]:
    """Best wall time of each task; tasks take turns, so that load falls on all alike."""
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for number, task in enumerate(tasks):
            started = time.perf_counter()
            task()
            best[number] = min(best[number], time.perf_counter() - started)
    return best


@dataclass
class Timed:
    wall: float  # seconds of the whole suite, workers' coming up included
    arrivals: list[float]  # seconds at which each record came
    records: list[RunRecord]


def run_timed(suite: Suite, folder: Path, jobs: int) -> Timed:
    arrivals: list[float] = []

    def watch(_: Mapping[str, float], records: Iterator[RunRecord]) -> Iterator[RunRecord]:
        for record in records:
            arrivals.append(time.perf_counter())
            yield record

    started = time.perf_counter()
    records = run_suite(suite, folder, jobs, watch)
    return Timed(time.perf_counter() - started, arrivals, records)
