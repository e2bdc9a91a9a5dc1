"""Speed and memory of exact offline-RL distillation, as ratios taken in one run."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from harness.distillation.cell_moments import CellMoments, accumulate_cells
from harness.distillation.exact import ExactDistiller
from harness.transitions import ARRAY_NAMES, Transitions

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20
ROWS, OBS_DIM, ACTIONS = 1_000_000, 8, 4


@pytest.fixture(scope="module", params=["equal weights", "weighted"])
def million(request: pytest.FixtureRequest) -> Transitions:
    return make_million(weighted=request.param == "weighted")


def make_million(weighted: bool) -> Transitions:
    rng = np.random.default_rng(0)
    return Transitions(
        observations=rng.normal(size=(ROWS, OBS_DIM)),
        actions=rng.integers(ACTIONS, size=ROWS),
        rewards=rng.normal(size=ROWS),
        next_observations=rng.normal(size=(ROWS, OBS_DIM)),
        terminations=rng.random(ROWS) < 0.05,
        weights=rng.uniform(0.5, 2, size=ROWS) if weighted else np.ones(ROWS),
        action_count=ACTIONS,
    )


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Ratios of work must not depend on which part happens to use a second core."""
    with threadpool_limits(1):
        yield


def seconds(*tasks: Callable[[], object], repeats: int = 7) -> list[float]:
    """Best wall time of each task; tasks take turns, so that load falls on all alike."""
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for number, task in enumerate(tasks):
            started = time.perf_counter()
            task()
            best[number] = min(best[number], time.perf_counter() - started)
    return best


def distil(transitions: Transitions) -> None:
    ExactDistiller().reduce(transitions, 100, np.random.default_rng(0))


def test_exact_takes_at_most_three_gram_matrices(million: Transitions) -> None:
    rows = np.column_stack([million.observations, million.next_observations, million.rewards])
    distilled, gram = seconds(lambda: distil(million), lambda: rows.T @ rows)
    limit = 3.0 if million.weights.min() == million.weights.max() else 4.0
    print(f"exact / gram matrix = {distilled / gram:.2f}")
    assert distilled <= limit * gram


def test_exact_needs_little_memory(million: Transitions) -> None:
    tracemalloc.start()
    distil(million)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"exact needs {peak / MEBIBYTE:.1f} MiB above its input")
    assert peak <= 64 * MEBIBYTE


def moments_of_rows(folder: Path, begin: int, end: int) -> CellMoments:
    """What a worker does: take its rows of memory-mapped arrays."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r")[begin:end] for name in NAMES}
    with threadpool_limits(1):
        return CellMoments.of(Transitions(**arrays, action_count=ACTIONS))


NAMES = ARRAY_NAMES


def test_two_processes_are_faster_than_one(tmp_path: Path) -> None:
    million = make_million(weighted=False)
    for name in NAMES:
        np.save(tmp_path / f"{name}.npy", getattr(million, name))
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(2, context) as two:
        alone, shared = seconds(
            lambda: in_parts(one, tmp_path, 1), lambda: in_parts(two, tmp_path, 2)
        )
        np.testing.assert_allclose(
            in_parts(two, tmp_path, 2).pooled.scatter, CellMoments.of(million).pooled.scatter,
            rtol=1e-9, atol=1e-6,
        )
    print(f"one process / two processes = {alone / shared:.2f}")
    assert alone >= 1.7 * shared


def in_parts(executor: Executor, folder: Path, parts: int) -> CellMoments:
    edges = [ROWS * part // parts for part in range(parts + 1)]
    futures = [
        executor.submit(moments_of_rows, folder, begin, end)
        for begin, end in zip(edges[:-1], edges[1:], strict=True)
    ]
    return accumulate_cells(future.result() for future in futures)
