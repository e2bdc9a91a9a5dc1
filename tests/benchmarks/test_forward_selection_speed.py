"""Speed and memory of forward selection, as ratios taken in one run."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from harness.core.transitions import Transitions
from harness.distillation.forward_selection import ForwardSelection
from harness.testing.rows import random_transitions
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20


def made(rows: int) -> Transitions:
    return random_transitions(np.random.default_rng(0), rows, obs_dim=4)


def select(transitions: Transitions, size: int = 50) -> None:
    ForwardSelection().reduce(transitions, size, np.random.default_rng(0))


def test_time_hardly_grows_with_the_data() -> None:
    small, large = made(3_000), made(30_000)
    few, many = seconds(lambda: select(small), lambda: select(large))
    print(f"30,000 rows / 3,000 rows = {many / few:.2f}")
    assert many <= 1.5 * few


def test_time_grows_with_the_size_and_not_its_square() -> None:
    transitions = made(30_000)
    few, many = seconds(lambda: select(transitions), lambda: select(transitions, 400), repeats=3)
    print(f"400 rows / 50 rows = {many / few:.2f}")
    assert many <= 8 * 1.5 * few


def test_it_needs_little_memory() -> None:
    transitions = made(100_000)
    tracemalloc.start()
    select(transitions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"forward selection needs {peak / MEBIBYTE:.1f} MiB above its input")
    assert peak <= 64 * MEBIBYTE
