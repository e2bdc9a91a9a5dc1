"""What the fast engine saves, as ratios in one run on one core; compilation is said apart."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from envs.dataset import Dataset
from envs.loading import open_dataset
from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.records import RunResult
from harness.core.specs import Engine, RunSpec
from harness.core.transitions import Transitions
from harness.learners.engines import fit, prepare
from harness.learners.networks import DQNLearner
from harness.suites.loading import load_suite, with_engine
from harness.tasks.kinds import task_of
from tests.benchmarks.timing import run_timed, seconds, speedup

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20
SEEDS = range(10)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    started = time.perf_counter()
    prepare(DQNLearner(), "fast")
    print(f"compiled, or loaded compiled, in {time.perf_counter() - started:.1f} s")


def train(rows: Transitions, batch: int, steps: int, engine: Engine) -> None:
    learner = DQNLearner(batch_size=batch, steps=steps, checkpoints=1)
    for seed in SEEDS:
        list(fit(learner, engine, rows, seed))


@pytest.mark.parametrize(
    ("size", "batch", "limit"), [(100, 64, 12), (100, 256, 6), (None, 64, 4), (None, 256, 4)]
)
def test_training_is_many_times_faster(
    cartpole: Dataset, size: int | None, batch: int, limit: float
) -> None:
    rows = cartpole.transitions
    if size is not None:
        rows = rows.take(np.random.default_rng(0).choice(len(rows), size, replace=False))
    fast, slow = seconds(
        lambda: train(rows, batch, 1000, "fast"),
        lambda: train(rows, batch, 1000, "d3rlpy"),
        repeats=2,
    )
    print(f"{len(rows)} rows, batch {batch}: d3rlpy / fast = {slow / fast:.1f}")
    assert slow >= limit * fast


def run_of(task: str, engine: Engine, seed: int) -> RunSpec:
    return RunSpec(
        dataset=f"classic/{task}/medium-v0",
        reducer=ReducerSpec(name="random"),
        size=100,
        learner=LearnerSpec(name="dqn", parameters={"steps": 4000, "checkpoints": 5}),
        seed=seed,
        discount=0.99,
        episodes=10,
        engine=engine,
    )


@pytest.mark.parametrize("task", ["cartpole", "mountaincar", "acrobot"])
def test_a_whole_run_is_many_times_faster(task: str) -> None:
    """Reduction, training, ten episodes at each of five checkpoints, and their judge."""
    open_dataset(f"classic/{task}/medium-v0")

    def run(engine: Engine) -> None:
        for seed in range(2):
            spec = run_of(task, engine, seed)
            assert isinstance(task_of(spec).run(spec), RunResult)

    run("fast")  # the judge is fitted once
    fast, slow = seconds(lambda: run("fast"), lambda: run("d3rlpy"), repeats=3)
    print(f"{task}: d3rlpy / fast = {slow / fast:.1f}")
    assert slow >= 8 * fast


NETWORKS = """
from pathlib import Path
from envs.loading import open_dataset
from harness.learners.engines import fit, prepare
from harness.learners.networks import DQNLearner

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

learner = DQNLearner(batch_size=256, steps=20, checkpoints=1)
prepare(learner, "fast")
rows = open_dataset("classic/cartpole/medium-v0").transitions
before = peak()
kept = [next(fit(learner, "fast", rows, seed)) for seed in range(100)]
print(len(kept), len(rows), peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_a_hundred_networks_need_little_memory(cartpole: Dataset) -> None:  # noqa: ARG001
    done = subprocess.run([sys.executable, "-c", NETWORKS], capture_output=True, check=True)
    networks, rows, peak = map(int, done.stdout.split())
    print(
        f"{networks} networks on {rows} rows: {peak / MEBIBYTE:.0f} MiB beside libraries and data"
    )
    assert networks == 100
    assert rows >= 29_000
    assert peak <= 1024 * MEBIBYTE


def test_two_workers_are_faster_than_one(tmp_path: Path) -> None:
    """On a study of 720 runs: to start a worker takes as long as forty runs."""
    suite = load_suite("quickstart").model_copy(update={"seeds": tuple(range(60))})
    quick = with_engine(suite, "fast")
    alone = run_timed(quick, tmp_path / "one", jobs=1)
    both = run_timed(quick, tmp_path / "two", jobs=2)
    assert speedup(alone, both) >= 1.8


def test_quickstart_takes_seconds(tmp_path: Path) -> None:
    command = ["run", "quickstart", "--engine", "fast", "--jobs", "2", "--results", tmp_path]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "harness.cli", *map(str, command)], check=True)
    wall = time.perf_counter() - started
    print(f"quickstart by the fast engine: {wall:.0f} s")
    assert wall <= 40
