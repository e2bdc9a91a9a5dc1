"""Speed and memory of the default teacher, and of choosing rows by its labels."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from harness.core.transitions import Transitions
from harness.distillation.forward_selection import ForwardSelection
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


def fit(transitions: Transitions) -> Callable[[], object]:
    return lambda: ClosedFormTeacher().fit(transitions, 0.99)


def choose(transitions: Transitions) -> Callable[[], object]:
    return lambda: ForwardSelection().reduce(transitions, 50, np.random.default_rng(0))


@pytest.mark.parametrize(("work", "limit"), [(fit, 5.0), (choose, 10.0)])
def test_thirty_thousand_rows_take_seconds(
    work: Callable[[Transitions], Callable[[], object]], limit: float
) -> None:
    half, whole = seconds(work(make(15_000)), work(make(30_000)), repeats=3)
    print(f"{work.__name__}: {whole:.2f} s, {whole / half:.2f} times that of half the rows")
    assert whole <= limit
    assert whole <= 2.4 * half  # nothing is quadratic in the rows


@pytest.mark.parametrize("work", [fit, choose])
def test_memory_is_modest(work: Callable[[Transitions], Callable[[], object]]) -> None:
    run = work(make(30_000))
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{work.__name__} needs {peak / MEBIBYTE:.0f} MiB above its input")
    assert peak <= 500 * MEBIBYTE
