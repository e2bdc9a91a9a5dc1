"""Timing of alternatives in one run, and of suites."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.records import RunRecord, RunResult
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


def work(records: Sequence[RunRecord]) -> float:
    """Seconds of all stages; a reduction that several runs share is made once, by the first."""
    reductions: dict[str, float] = {}
    trained = 0.0
    for record in records:
        assert isinstance(record.result, RunResult)
        spent = record.result.seconds
        reductions.setdefault(record.result.reduction.content_hash, spent.reduction)
        trained += spent.training + spent.evaluation
    return trained + sum(reductions.values())


def speedup(alone: Timed, both: Timed) -> float:
    """How many times faster two workers are than one, were each core as fast as if alone.

    What the cores of a machine cost each other, which share memory and often more, is printed.
    """
    slowdown = work(both.records) / work(alone.records)
    raw = alone.wall / both.wall
    print(f"{len(alone.records)} runs: one worker / two = {raw:.2f} ({alone.wall:.0f} s alone)")
    print(f"work in two / in one = {slowdown:.2f}: what the machine's cores cost each other")
    return raw * max(slowdown, 1.0)
