"""The runner with real worker processes, in which runs end in every way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from harness.core.classes.specs import LearnerSpec
from harness.core.records import RunRecord, RunResult, read_record, read_records
from harness.core.specs import RunSpec
from harness.core.storage.processes import HOST
from harness.core.storage.record_files import record_path
from harness.execution import runner
from harness.execution.local import LocalPool, ProcessExecutor
from harness.execution.runner import pending_runs, run_all
from harness.execution.timeouts import DeadlineExceeded, deadline
from harness.execution.worker import Failure, attempt
from harness.suites.run import perform
from harness.tasks.kinds import task_of
from tests.support.workers import run_spec, times_begun, work

pytestmark = pytest.mark.slow


def run(
    specs: list[RunSpec], folder: Path, *, timeout: float | None = None, retry: bool = False
) -> dict[str, RunRecord]:
    """Run with two processes; the new records by the name of what they did."""
    marks = folder / "marks"
    marks.mkdir(exist_ok=True)
    task = partial(work, marks=marks, timeout=timeout)
    due = pending_runs(specs, folder, retry)
    records = list(run_all(due, task, folder, LocalPool(2), timeout))
    assert not (folder / "leases").exists()
    assert not list(folder.rglob("*.partial"))
    return {f"{record.spec.reducer.name}{record.spec.seed}": record for record in records}


def test_every_failure_is_recorded_and_the_suite_goes_on(tmp_path: Path) -> None:
    failing = {
        "raise": ("exception", "ZeroDivisionError: one over nothing"),
        "exit": ("exception", "SystemExit: 3"),
        "diverge": ("non-finite", "result.value is nan"),
        "memory": ("out of memory", "MemoryError"),
        "close": ("exception", "GeneratorExit: closed"),
        "interrupt": ("exception", "KeyboardInterrupt: mine"),
        "die": ("worker died", "died at every attempt, the last time by SIGKILL: of a lack of mem"),
        "end": ("worker died", "died at every attempt, the last time with exit code 3: a class"),
    }
    specs = [run_spec(name, seed) for seed in (0, 1) for name in ("good", *failing)]
    records = run(specs, tmp_path)
    assert len(records) == len(specs)
    for seed in (0, 1):
        assert records[f"good{seed}"].status == "completed"
        for name, (reason, text) in failing.items():
            record = records[f"{name}{seed}"]
            assert (record.status, record.reason) == ("failed", reason)
            assert text in (record.error or "")
            assert read_record(record_path(tmp_path, record.run_id)) == record
            attempts = 2 if reason == "worker died" else 1
            assert times_begun(tmp_path / "marks", record.spec) == attempts


def test_a_run_whose_worker_died_is_begun_again_and_no_other(tmp_path: Path) -> None:
    specs = [run_spec("wait", 0), run_spec("die-once"), *(run_spec("wait", n) for n in range(1, 4))]
    records = run(specs, tmp_path)
    assert {record.status for record in records.values()} == {"completed"}
    begun = {spec.run_id: times_begun(tmp_path / "marks", spec) for spec in specs}
    assert begun == {spec.run_id: 1 + (spec.reducer.name == "die-once") for spec in specs}


@pytest.mark.parametrize("name", ["loop", "sleep"])
def test_a_run_ends_at_its_time_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 4.0)
    started = time.monotonic()
    records = run([run_spec(name), run_spec("good")], tmp_path, timeout=1.0)
    assert time.monotonic() - started < 60
    assert records["good0"].status == "completed"
    assert records[f"{name}0"].reason == "time-out"
    assert ("in _behave" in (records[f"{name}0"].error or "")) == (name == "loop")


def test_a_time_out_leaves_its_worker_fit_for_other_runs() -> None:
    """Libraries that load slowly are loaded before the clock starts: half of one stays broken."""

    def train(steps: int) -> RunSpec:
        learner = {"name": "dqn", "parameters": {"steps": steps, "checkpoints": 1}}
        return RunSpec.model_validate(
            {
                "dataset": "classic/mountaincar/expert-v0",
                "reducer": {"name": "random"},
                "size": 20,
                "learner": learner,
                "seed": 0,
                "discount": 0.9,
                "episodes": 1,
            }
        )

    perform(train(1), None)  # here, so that the dataset is there
    with ProcessExecutor(1) as executor:
        first = executor.submit(perform, train(100_000), None, 0.5).result()
        second = executor.submit(perform, train(10), None, 60).result()
    assert first.reason == "time-out"
    assert second.status == "completed"
    assert isinstance(second.result, RunResult)
    assert second.result.seconds.training < 0.5


def test_only_what_failed_is_repeated_on_request(tmp_path: Path) -> None:
    specs = [run_spec("good"), run_spec("raise"), run_spec("good", 1)]
    run(specs, tmp_path)
    assert run(specs, tmp_path) == {}
    assert run(specs, tmp_path, retry=True).keys() == {"raise0"}
    begun = [times_begun(tmp_path / "marks", spec) for spec in specs]
    assert begun == [1, 2, 1]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    gone = 2**22 + 1  # above the largest process id
    dead = folder / f".a.json.{gone}-{HOST}.partial"
    alive = folder / f".b.json.{os.getpid()}-{HOST}.partial"
    elsewhere = folder / ".c.json.1-elsewhere.partial"
    forgotten = folder / ".d.json.1-elsewhere.partial"
    for path in (dead, alive, elsewhere, forgotten):
        path.write_text("{")
    os.utime(forgotten, (1, 1))
    marks = tmp_path / "marks"
    marks.mkdir()
    list(run_all([], partial(work, marks=marks), tmp_path, LocalPool(1)))
    assert sorted(folder.iterdir()) == sorted([alive, elsewhere])


def test_workers_end_when_their_records_are_no_longer_wanted(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    due = pending_runs([run_spec("good"), run_spec("sleep")], tmp_path)
    records = run_all(due, partial(work, marks=marks), tmp_path, LocalPool(2))
    assert next(records).status == "completed"
    records.close()
    workers = [int(pid) for path in marks.iterdir() for pid in path.read_text().split()]
    assert not any(psutil.pid_exists(pid) for pid in workers)
    assert not (tmp_path / "leases").exists()
    assert len(list(read_records(tmp_path))) == 1


def test_workers_that_never_come_up_are_no_fault_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(
        'name = "small"\ndescription = ""\ntask = "regression"\nsizes = [10]\nseeds = [0]\n'
        'datasets = ["regression/diabetes"]\nreducers = [{ name = "random" }]\n'
        'learners = [{ name = "ridge" }]\n'
    )
    script, results = tmp_path / "unguarded.py", tmp_path / "results"
    script.write_text(
        "from harness.suites.run import run_suite\n"
        f"run_suite({str(tmp_path / 'small.toml')!r}, {str(results)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "if __name__ == '__main__':" in done.stderr.splitlines()[-1]
    assert [path.name for path in results.iterdir()] == ["suite.json"]


def test_what_shares_a_reduction_does_not_wait_for_it_while_there_is_other_work(
    tmp_path: Path,
) -> None:
    first = run_spec("wait", 0)
    learners = [
        first.model_copy(update={"learner": LearnerSpec(name=name)}) for name in ("one", "two")
    ]
    specs = [*learners, run_spec("wait", 1), run_spec("good", 2)]
    marks = tmp_path / "marks"
    marks.mkdir()
    task = partial(work, marks=marks)
    ended = [
        record.run_id
        for record in run_all(pending_runs(specs, tmp_path), task, tmp_path, LocalPool(2))
    ]
    assert sorted(ended) == sorted(spec.run_id for spec in specs)
    begun = sorted(marks.iterdir(), key=lambda path: path.stat().st_mtime)
    assert {path.name for path in begun[:2]} == {specs[0].run_id, specs[2].run_id}


def test_a_failure_keeps_its_reason() -> None:
    def fail(error: BaseException) -> None:
        raise error

    assert attempt(lambda: 3) == 3
    for error, reason in (
        (MemoryError("no room"), "out of memory"),
        (RuntimeError("[enforce fail] can't allocate memory"), "out of memory"),
        (ZeroDivisionError("one over nothing"), "exception"),
    ):
        failure = attempt(partial(fail, error))
        assert isinstance(failure, Failure)
        assert failure.reason == reason
        assert str(error) in failure.error
    overdue = attempt(partial(sleep_in_python, 10), timeout=0.1)
    assert isinstance(overdue, Failure)
    assert (overdue.reason, "in sleep_in_python" in overdue.error) == ("time-out", True)
    spec = run_spec("good")
    record = perform(spec, (task_of(spec).open(spec), overdue))
    assert (record.status, record.reason, record.error) == ("failed", "time-out", overdue.error)


def test_a_deadline_does_not_reach_beyond_its_block() -> None:
    with pytest.raises(DeadlineExceeded), deadline(0.05):
        sleep_in_python(10)
    with deadline(0.05):
        pass
    sleep_in_python(0.2)


def sleep_in_python(seconds: float) -> None:
    ended = time.monotonic() + seconds
    while time.monotonic() < ended:
        time.sleep(0.001)
