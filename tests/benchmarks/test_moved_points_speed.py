"""Speed and memory of moved points."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from harness.core.transitions import Transitions
from harness.distillation.moved_points import MovedPoints
from harness.testing.rows import random_transitions
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20


def made(rows: int) -> Transitions:
    return random_transitions(np.random.default_rng(0), rows, obs_dim=4)


def move(transitions: Transitions, size: int = 50) -> None:
    MovedPoints().reduce(transitions, size, np.random.default_rng(0))


def test_time_hardly_grows_with_the_data() -> None:
    small, large = made(3_000), made(30_000)
    few, many = seconds(lambda: move(small), lambda: move(large), repeats=3)
    print(f"30,000 rows / 3,000 rows = {many / few:.2f}, {many:.1f} s")
    assert many <= 2 * few


def test_it_needs_little_memory() -> None:
    transitions = made(100_000)
    tracemalloc.start()
    move(transitions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"moved points need {peak / MEBIBYTE:.1f} MiB above their input")
    assert peak <= 128 * MEBIBYTE
