"""Speed and memory of the default teacher."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from harness.core.transitions import Transitions
from harness.labels.closed_form import ClosedFormTeacher
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20


def make(rows: int) -> Transitions:
    rng = np.random.default_rng(0)
    states = rng.normal(size=(rows, 4)).astype(np.float32)
    actions = rng.integers(3, size=rows)
    return Transitions(
        observations=states,
        actions=actions,
        rewards=np.where(actions == (states[:, 0] > 0), 1.0, 0.0),
        next_observations=(states + 0.1 * rng.normal(size=states.shape)).astype(np.float32),
        terminations=rng.random(rows) < 0.02,
        weights=np.ones(rows),
        action_count=3,
    )


def fit(transitions: Transitions) -> None:
    ClosedFormTeacher().fit(transitions, 0.99)


def test_thirty_thousand_rows_take_seconds() -> None:
    small, large = make(15_000), make(30_000)
    half, whole = seconds(lambda: fit(small), lambda: fit(large), repeats=3)
    print(f"a teacher of 30,000 rows: {whole:.2f} s, {whole / half:.2f} times that of half of them")
    assert whole <= 5
    assert whole <= 2.4 * half  # nothing is quadratic in the rows


def test_memory_is_modest() -> None:
    rows = make(30_000)
    tracemalloc.start()
    fit(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"a teacher needs {peak / MEBIBYTE:.0f} MiB above its input")
    assert peak <= 500 * MEBIBYTE
