"""Speed and memory of exact offline-RL distillation, as ratios taken in one run."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.distillation.exact import ExactDistiller
from harness.numerics.cell_moments import CellMoments, accumulate_cells
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ROWS, OBS_DIM, ACTIONS = 1_000_000, 8, 4


@pytest.fixture(scope="module", params=["plain", "far from zero", "weighted"])
def million(request: pytest.FixtureRequest) -> Transitions:
    return make_million(
        offset=1e6 if request.param == "far from zero" else 0.0,
        weighted=request.param == "weighted",
    )


def make_million(offset: float, weighted: bool) -> Transitions:
    rng = np.random.default_rng(0)
    return Transitions(
        observations=rng.normal(size=(ROWS, OBS_DIM)) + offset,
        actions=rng.integers(ACTIONS, size=ROWS),
        rewards=rng.normal(size=ROWS),
        next_observations=rng.normal(size=(ROWS, OBS_DIM)) + offset,
        terminations=rng.random(ROWS) < 0.05,
        weights=rng.uniform(0.5, 2, size=ROWS) if weighted else np.ones(ROWS),
        action_count=ACTIONS,
    )


def distil(transitions: Transitions) -> None:
    ExactDistiller().reduce(transitions, 100, np.random.default_rng(0))


def test_exact_takes_few_gram_matrices(million: Transitions) -> None:
    rows = np.column_stack([million.observations, million.next_observations, million.rewards])
    distilled, gram = seconds(lambda: distil(million), lambda: rows.T @ rows, repeats=40)
    print(f"exact / gram matrix = {distilled / gram:.2f}")
    plain = million.weights.max() == 1 and abs(million.observations[0, 0]) < 100
    limit = 3.0 if plain else 3.5  # a shift and weights are passes of their own
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
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")[begin:end] for name in ARRAY_NAMES
    }
    return CellMoments.of(Transitions(**arrays, action_count=ACTIONS))


def gather(executor: Executor, folder: Path, ranges: list[tuple[int, int]]) -> CellMoments:
    futures = [executor.submit(moments_of_rows, folder, begin, end) for begin, end in ranges]
    return accumulate_cells(future.result() for future in futures)


def test_two_processes_are_faster_than_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the rows each takes little more than half the time that all rows take each.

    Both keep two cores busy, which cost each other what they share.
    """
    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    million = make_million(offset=0.0, weighted=False)
    for name in ARRAY_NAMES:
        np.save(tmp_path / f"{name}.npy", getattr(million, name))
    with ProcessPoolExecutor(2, get_context("spawn")) as two:
        whole, halves = seconds(
            lambda: gather(two, tmp_path, [(0, ROWS)] * 2),
            lambda: gather(two, tmp_path, [(0, ROWS // 2), (ROWS // 2, ROWS)]),
            repeats=60,
        )
    print(f"all rows in both processes / half of them in each = {whole / halves:.2f}")
    assert whole >= 1.7 * halves
