"""Growth of time and memory with what users choose, as ratios within one run."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from harness.core.transitions import Transitions
from harness.distillation.exact import ExactDistiller
from harness.numerics.certificates.bellman import certify_bellman
from harness.testing.rows import random_transitions
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def with_actions(count: int, rows: int = 4000) -> Transitions:
    return random_transitions(np.random.default_rng(0), rows, 3, count)


def test_time_grows_no_faster_than_the_cube_of_actions() -> None:
    few, many = with_actions(75), with_actions(300)
    times = seconds(
        *(
            lambda data=data: certify_bellman(data, data.take(np.arange(1000)), 0.99)
            for data in (few, many)
        ),
        repeats=3,
    )
    print(f"certificate of 300 actions / 75 actions = {times[1] / times[0]:.1f}")
    assert times[1] <= 2 * 4**3 * times[0]


def test_exact_of_many_actions_takes_few_times_as_long() -> None:
    few, many = with_actions(16), with_actions(300)
    times = seconds(
        *(
            lambda data=data: ExactDistiller().reduce(data, 50, np.random.default_rng(0))
            for data in (few, many)
        ),
        repeats=3,
    )
    print(f"exact of 300 actions / 16 actions = {times[1] / times[0]:.1f}")
    assert times[1] <= 2 * 19 * times[0] + 2
    started = time.process_time()
    ExactDistiller().reduce(many, 50, np.random.default_rng(0))
    spent = time.process_time() - started
    print(f"exact of 300 actions takes {spent:.1f} s of a core")
    assert spent < 10


THREADED = """
import time
import numpy as np
from harness.distillation.exact import ExactDistiller
from harness.testing.rows import random_transitions
data = random_transitions(np.random.default_rng(0), 5000, 39, 32)
ExactDistiller().reduce(data, 200, np.random.default_rng(0))
started = time.perf_counter()
ExactDistiller().reduce(data, 200, np.random.default_rng(0))
print(time.perf_counter() - started)
"""


def test_more_threads_are_no_slower() -> None:
    """Libraries are told of many threads, more than there are cores."""
    taken = []
    for threads in (1, 16):
        environment = os.environ | dict.fromkeys(THREADS, str(threads))
        done = subprocess.run(
            [sys.executable, "-c", THREADED],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        taken.append(float(done.stdout))
    print(f"16 threads / 1 thread = {taken[1] / taken[0]:.2f}")
    assert taken[1] <= 2 * taken[0]
