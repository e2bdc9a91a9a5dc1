"""Leases on runs, by two runners that know of each other only through a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from harness.core.records import read_records
from harness.core.storage.processes import EXPIRY, HOST
from harness.execution import leases
from harness.execution.leases import Holder, Leases, read_leases
from harness.execution.local import LocalPool
from harness.execution.runner import pending_runs, run_all
from tests.support.workers import run_spec, times_begun, work

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
GONE = 2**22 + 1  # above the largest process id

RUNNER = """
import sys
from functools import partial
from pathlib import Path
from harness.execution.local import LocalPool
from harness.execution.runner import pending_runs, run_all
from tests.support.workers import run_spec, work

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    specs = [run_spec("wait", seed) for seed in range(8)]
    due = pending_runs(specs, folder)
    records = run_all(due, partial(work, marks=folder / "marks"), folder, LocalPool(2))
    print(sum(1 for _ in records))
"""


def start(script: Path, folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def leave_lease(folder: Path, run_id: str, holder: Holder, silence: float = 0.0) -> None:
    path = folder / "leases" / f"{run_id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(holder.model_dump_json())
    os.utime(path, (time.time() - silence,) * 2)


def test_a_run_has_one_lease(tmp_path: Path) -> None:
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.acquire("a")
        assert not second.acquire("a")
        assert second.acquire("b")
        assert first.holds("a")
        assert not first.holds("b")
        second.release("a")
        assert first.holds("a")
        first.release("a")
        assert second.acquire("a")
        assert {lease.run_id for lease in read_leases(tmp_path, time.time())} == {"a", "b"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "pid", "silence", "expired"),
    [
        (HOST, GONE, 0, True),
        (HOST, os.getpid(), 0, False),
        (HOST, os.getpid(), 2 * EXPIRY, True),
        ("elsewhere", GONE, 0, False),
        ("elsewhere", GONE, 2 * EXPIRY, True),
    ],
    ids=["gone", "here", "silent", "elsewhere", "silent-elsewhere"],
)
def test_leases_of_runners_that_are_gone_expire(
    tmp_path: Path, host: str, pid: int, silence: float, expired: bool
) -> None:
    leave_lease(tmp_path, "a", Holder(host=host, pid=pid, token=""), silence)
    assert (read_leases(tmp_path, time.time()) == []) == expired
    with Leases(tmp_path) as held:
        assert held.acquire("a") == expired


def test_a_heart_beats_for_what_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT", 0.05)
    with Leases(tmp_path) as held:
        held.acquire("a")
        os.utime(tmp_path / "leases" / "a.json", (1, 1))
        time.sleep(0.5)
        assert [lease.silence < 5 for lease in read_leases(tmp_path, time.time())] == [True]


def test_a_runner_that_was_suspended_finds_its_lease_taken(tmp_path: Path) -> None:
    with Leases(tmp_path) as suspended, Leases(tmp_path) as other:
        suspended.acquire("a")
        path = tmp_path / "leases" / "a.json"
        os.utime(path, (1, 1))
        assert other.acquire("a")
        assert not suspended.holds("a")
        suspended.release("a")
        assert other.holds("a")


def test_two_runners_share_a_folder(tmp_path: Path) -> None:
    script = tmp_path / "runner.py"
    script.write_text(RUNNER)
    (tmp_path / "marks").mkdir()
    runners = [start(script, tmp_path) for _ in range(2)]
    done = [int(runner.communicate(timeout=60)[0]) for runner in runners]
    assert sum(done) == 8
    assert min(done) > 0
    records = list(read_records(tmp_path))
    assert len(records) == 8
    assert {times_begun(tmp_path / "marks", record.spec) for record in records} == {1}


def test_a_runner_does_what_a_dead_one_had_leased(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    specs = [run_spec("good", seed) for seed in range(3)]
    leave_lease(tmp_path, specs[1].run_id, Holder(host=HOST, pid=GONE, token=""))
    leave_lease(tmp_path, specs[2].run_id, Holder(host="elsewhere", pid=1, token=""), EXPIRY - 3)
    task = partial(work, marks=tmp_path / "marks")
    records = list(run_all(pending_runs(specs, tmp_path), task, tmp_path, LocalPool(1)))
    assert {record.run_id for record in records} == {spec.run_id for spec in specs}


@pytest.mark.parametrize("holder", [GONE, os.getpid()], ids=["gone", "alive"])
def test_what_a_killed_runner_has_left_is_removed(tmp_path: Path, holder: int) -> None:
    """Only leases of runners that are gone; an empty folder of theirs too."""
    folder = tmp_path / "leases"
    folder.mkdir()
    leases.remove_expired(tmp_path)
    assert not folder.exists()
    folder.mkdir()
    lease = Holder(host=HOST, pid=holder, token="t")
    (folder / "run.json").write_text(lease.model_dump_json())
    leases.remove_expired(tmp_path)
    assert folder.exists() == (holder != GONE)
