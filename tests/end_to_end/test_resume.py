"""Runners and workers killed at random moments: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from harness.analysis import write_tables
from harness.core.records import read_records

SUITE = """
name = "killed"
description = "Short runs to be killed."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [40]
seeds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]

[[reducers]]
name = "full"

[[reducers]]
name = "random"

[[reducers]]
name = "leverage"

[[reducers]]
name = "exact"

[[learners]]
name = "mlp"
parameters = { iterations = 400 }
"""


class Runner:
    """The command in a session of its own, so that whatever it leaves behind can be found."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "harness.cli", "run", str(folder.parent / "killed.toml")]
        self.process = subprocess.Popen(
            [*command, "--results", str(folder), "--jobs", "2", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def members(self) -> list[psutil.Process]:
        """Processes of the session that still run."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.process.pid:
                    found.append(process)
            except ProcessLookupError:
                continue
        return [process for process in found if _is_running(process)]

    def workers(self) -> list[psutil.Process]:
        return [process for process in self.members() if "spawn_main" in _command(process)]

    def wait_for_all(self) -> None:
        """Wait until nothing of the session is left."""
        self.process.communicate(timeout=60)
        ends = time.monotonic() + 10
        while self.members():
            assert time.monotonic() < ends, f"left behind: {self.members()}"
            time.sleep(0.05)


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def records(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "records").glob("*.json")}


def measured(folder: Path) -> dict[str, dict[str, Any]]:
    """All that records say but for times and the state of the checkout."""
    found = {}
    for record in read_records(folder):
        content = record.model_dump()
        del content["result"]["seconds"]
        for name in ("commit", "dirty"):  # of the checkout, where work may go on meanwhile
            del content["provenance"][name]
        found[record.run_id] = content
    return found


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Every table but for its columns of seconds."""
    found = {}
    for path in write_tables(folder):
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str)
            found[path.name] = frame.filter(regex="^(?!.*second)")
    assert found
    return found


def assert_same(folder: Path, undisturbed: Path) -> None:
    assert measured(folder) == measured(undisturbed)
    expected = tables(undisturbed)
    for name, frame in tables(folder).items():
        pd.testing.assert_frame_equal(frame, expected[name])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A folder that nothing disturbed, and the seconds until its first record."""
    parent = tmp_path_factory.mktemp("resume")
    (parent / "killed.toml").write_text(SUITE)
    started, folder = time.monotonic(), parent / "undisturbed"
    runner = Runner(folder)
    while not (folder / "records").exists():
        assert runner.process.poll() is None
        time.sleep(0.02)
    first = time.monotonic() - started
    runner.wait_for_all()
    assert runner.process.returncode == 0
    return folder, first


def test_a_runner_may_be_killed_at_any_moment(undisturbed: tuple[Path, float]) -> None:
    reference, first = undisturbed
    folder = reference.parent / "runner"
    rng = np.random.default_rng(0)
    before: dict[str, bytes] = {}
    for _ in range(20):
        runner = Runner(folder)
        time.sleep(rng.uniform(0.1, 1.2) * first)
        runner.process.kill()
        runner.wait_for_all()
        after = records(folder)
        assert before.items() <= after.items()
        before = after
    last = Runner(folder)
    last.wait_for_all()
    assert last.process.returncode == 0
    assert before.items() <= records(folder).items()
    assert {path.name for path in folder.iterdir()} == {"records", "suite.json"}
    assert {path.suffix for path in (folder / "records").iterdir()} == {".json"}
    assert_same(folder, reference)


def test_a_worker_may_be_killed_at_any_moment(undisturbed: tuple[Path, float]) -> None:
    reference, first = undisturbed
    folder = reference.parent / "worker"
    rng = np.random.default_rng(1)
    runner, killed = Runner(folder), 0
    while killed < 10:
        if runner.process.poll() is not None:  # done, or given up after many deaths in a row
            runner.wait_for_all()
            for path in sorted((folder / "records").glob("*.json"))[::2]:
                path.unlink()  # so that there is work left to be killed at
            runner = Runner(folder, "--retry-failed")
        time.sleep(rng.uniform(0.1, 0.3) * first)
        workers = runner.workers()
        if workers:
            workers[rng.integers(len(workers))].kill()
            killed += 1
    runner.wait_for_all()
    last = Runner(folder, "--retry-failed")
    last.wait_for_all()
    assert last.process.returncode == 0
    assert_same(folder, reference)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [False, True])
def test_a_stop_is_clean(tmp_path: Path, number: signal.Signals, to_all: bool) -> None:
    (tmp_path / "killed.toml").write_text(SUITE)
    folder = tmp_path / "stopped"
    runner = Runner(folder)
    while not (folder / "records").exists():
        time.sleep(0.02)
    (os.killpg if to_all else os.kill)(runner.process.pid, number)
    _, errors = runner.process.communicate(timeout=30)
    assert runner.process.returncode == 128 + number
    runner.wait_for_all()
    done, left = map(int, re.findall(r"(\d+) runs? done.* (\d+) left", errors)[0])
    assert (done, left) == (len(records(folder)), 80 - done)
    assert "Traceback" not in errors
    assert {path.name for path in folder.iterdir()} == {"records", "suite.json"}
    assert {path.suffix for path in (folder / "records").iterdir()} == {".json"}
