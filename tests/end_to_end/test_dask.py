"""A suite on a real Dask cluster, on this machine but without a shared folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envs.dataset import Dataset
from harness.core.errors import InputError
from harness.core.records import read_records
from harness.execution import dask as cluster_module
from harness.suites.loading import load_suite, parse_suite
from harness.suites.run import run_suite

SUITE = """
name = "clustered"
description = "Two arms on data that the workers do not have."
datasets = ["cartpole.npz"]
sizes = [20]
seeds = [0, 1, 2]
episodes = 3

[[reducers]]
name = "full"

[[reducers]]
name = "bellman"
parameters = { predictors = 10 }

[[learners]]
name = "dqn"
parameters = { steps = 40, checkpoints = 2 }

[[learners]]
name = "dqn"
engine = "fast"
parameters = { steps = 40, checkpoints = 2 }

[[learners]]
name = "linear-fqi"
parameters = { feature_count = 10, iterations = 5 }
"""

SHARED = """
name = "shared"
description = "Reductions of which each serves several learners."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [20]
seeds = [0, 1, 2, 3]
reducers = [{ name = "loss-matching", parameters = { predictors = PREDICTORS } }]
learners = [{ name = "ridge" }, { name = "least-squares" }, { name = "lasso" }]
"""


class Cluster:
    """A scheduler and two workers, each a process with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        file = folder / "scheduler.json"
        options = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        self._start("scheduler", *options, "--port", "0")
        workers = [*options, "--nthreads", "1", "--no-nanny"]
        self.workers = [self._start("worker", *workers, "--name", name) for name in ("a", "b")]
        for _ in range(600):
            if file.exists():
                found = re.search(r"tcp://127\.0\.0\.1:\d+", file.read_text())
                if found:
                    self.address = found[0]
                    return
            time.sleep(0.1)
        raise TimeoutError("the scheduler does not start")

    def _start(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        place = self._folder / f"{role}-{len(getattr(self, 'processes', []))}"
        place.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{role}", *options],
            cwd=place,
            env={**os.environ, "MINARI_DATASETS_PATH": str(place), "OMP_NUM_THREADS": "2"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes = [*getattr(self, "processes", []), process]
        return process


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    yield started
    for process in started.processes:
        process.kill()
        process.wait()


OWN = """
name = "own"
description = "A reducer and a learner that do not belong to the package."
datasets = ["cartpole.npz"]
sizes = [20]
seeds = [0, 1]
episodes = 2
reducers = ["every_nth:EveryNth"]
learners = ["neighbour_q:NeighbourQLearner"]
"""


@pytest.fixture
def suite_folder(tmp_path: Path, cartpole: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a dataset and a suite that uses it."""
    folder = tmp_path / "here"
    folder.mkdir()
    references = cartpole.reference.model_dump(mode="json", exclude_none=True)
    cartpole.transitions.save(folder / "cartpole.npz", references)
    (folder / "clustered.toml").write_text(SUITE)
    monkeypatch.chdir(folder)
    return folder


def measured(folder: Path) -> dict[str, dict[str, Any]]:
    """All that records say but for times and the state of the checkout."""
    found = {}
    for record in read_records(folder):
        content = record.model_dump()
        del content["result"]["seconds"]
        for name in ("commit", "dirty"):
            del content["provenance"][name]
        found[record.run_id] = content
    return found


def test_processes_and_a_cluster_find_the_same(cluster: Cluster, suite_folder: Path) -> None:
    suite = load_suite("clustered.toml")
    run_suite(suite, "local", jobs=2)
    command = [sys.executable, "-m", "harness.cli", "run", "clustered.toml", "--log-json"]
    runner = subprocess.Popen(
        [*command, "--results", "dask", "--scheduler", cluster.address],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while len(list((suite_folder / "dask" / "records").glob("*.json"))) < 2:
        assert runner.poll() is None, runner.communicate()
        time.sleep(0.01)
    cluster.workers[0].send_signal(signal.SIGKILL)
    output, errors = runner.communicate(timeout=120)
    assert runner.returncode == 0, errors
    assert "18 runs done, 0 failed, 0 already there" in output
    assert "is not encrypted" in errors
    local = measured(suite_folder / "local")
    assert len(local) == 18
    assert measured(suite_folder / "dask") == local


def test_a_reduction_is_made_once_for_the_whole_cluster(cluster: Cluster, tmp_path: Path) -> None:
    suite = parse_suite(SHARED.replace("PREDICTORS", "100"), "shared.toml")
    records = run_suite(suite, tmp_path / "shared", scheduler=cluster.address)
    assert [record.status for record in records] == 12 * ["completed"]
    seconds = {(record.spec.seed, record.result.seconds.reduction) for record in records
               if record.result}  # fmt: skip
    assert len(seconds) == 4  # no two reductions take the same time to the nanosecond
    assert {path.name for path in (tmp_path / "shared").iterdir()} == {"records", "suite.json"}

    slow = parse_suite(SHARED.replace("PREDICTORS", "300000"), "shared.toml")
    overdue = run_suite(slow, tmp_path / "slow", scheduler=cluster.address, timeout=0.5)
    assert [record.reason for record in overdue] == 12 * ["time-out"]
    assert {"in reduce" in (record.error or "") for record in overdue} == {True}
    assert len({record.error for record in overdue}) <= 4  # of the four reductions, no run's own


def test_a_scheduler_that_is_not_there_is_named(
    suite_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 1.0)
    with pytest.raises(InputError, match=r"scheduler 'tcp://127.0.0.1:1' cannot be reached"):
        run_suite("clustered.toml", suite_folder / "none", scheduler="tcp://127.0.0.1:1")
    with pytest.raises(InputError, match=r"scheduler 'nowhere' is not an address: give"):
        run_suite("clustered.toml", suite_folder / "none", scheduler="nowhere")
    assert not (suite_folder / "none").exists()


def test_workers_of_a_cluster_find_classes_of_ones_own(
    suite_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = tmp_path / "plugins"
    shutil.copytree(Path(__file__).parents[2] / "examples", plugins)
    monkeypatch.setenv("PYTHONPATH", str(plugins))
    monkeypatch.syspath_prepend(plugins)
    started = Cluster(tmp_path)
    try:
        (suite_folder / "own.toml").write_text(OWN)
        records = run_suite("own.toml", tmp_path / "own", scheduler=started.address)
    finally:
        for process in started.processes:
            process.kill()
            process.wait()
    assert [record.status for record in records] == 2 * ["completed"]
    assert {record.spec.reducer.name for record in records} == {"every_nth:EveryNth"}
