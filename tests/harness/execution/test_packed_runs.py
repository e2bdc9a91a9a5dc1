"""Runners on a folder whose records are packed, before they start or while they run."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.core.records import RunRecord, read_records, write_record
from harness.core.specs import RunSpec
from harness.core.storage.record_files import own_ids, packed_path
from harness.execution.local import LocalPool
from harness.execution.runner import PendingRun, pending_runs, run_all
from harness.suites.packing import pack
from tests.harness.execution.test_leases import RUNNER, start
from tests.support.records.stored import completed, failed, write_packed
from tests.support.workers import run_spec, times_begun, work

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path


def execute(folder: Path, due: list[PendingRun]) -> list[RunRecord]:
    task = partial(work, marks=folder / "marks")
    return list(run_all(due, task, folder, LocalPool(1)))


def begun(folder: Path, specs: list[RunSpec]) -> list[int]:
    return [times_begun(folder / "marks", spec) for spec in specs]


def test_packed_runs_are_done_and_packed_failures_are_repeated(folder: Path) -> None:
    specs = [run_spec("good"), run_spec("raise"), run_spec("good", 1)]
    execute(folder, pending_runs(specs[:2], folder))
    pack(folder)
    assert [due.spec for due in pending_runs(specs, folder)] == specs[2:]
    again = execute(folder, pending_runs(specs, folder, retry_failed=True))
    assert {record.run_id for record in again} == {spec.run_id for spec in specs[1:]}
    assert own_ids(folder) == sorted(spec.run_id for spec in specs[1:])
    assert begun(folder, specs) == [1, 2, 1]
    assert len(list(read_records(folder))) == 3


def test_a_repeated_run_wins_over_its_packed_failure(folder: Path) -> None:
    spec = run_spec("good")
    write_packed(folder, failed(spec))
    (done,) = execute(folder, pending_runs([spec], folder, retry_failed=True))
    assert done.status == "completed"
    assert list(read_records(folder)) == [done]
    pack(folder)
    assert list(read_records(folder)) == [done]
    assert pending_runs([spec], folder, retry_failed=True) == []


def test_runs_of_other_settings_are_refused_in_either_form(folder: Path) -> None:
    spec = run_spec("good")
    other = spec.model_copy(update={"discount": 0.5})
    write_packed(folder, completed(other))
    with pytest.raises(InputError, match=rf"line of {spec.run_id} in .*other settings"):
        pending_runs([spec], folder)


def test_what_another_runner_did_and_packed_is_not_repeated(folder: Path) -> None:
    specs = [run_spec("good", seed) for seed in range(3)]
    due = pending_runs(specs, folder)
    execute(folder, pending_runs(specs[:2], folder))
    pack(folder)
    assert [record.run_id for record in execute(folder, due)] == [specs[2].run_id]
    assert begun(folder, specs) == [1, 1, 1]


def test_failures_that_were_packed_meanwhile_are_repeated_once(folder: Path) -> None:
    specs = [run_spec("raise"), run_spec("die-once")]
    for spec in specs:
        (folder / "marks" / spec.run_id).touch()
    write_packed(folder, failed(specs[1]))
    execute(folder, pending_runs(specs[:1], folder))
    first, second = (pending_runs(specs, folder, retry_failed=True) for _ in range(2))
    pack(folder)
    assert len(execute(folder, first)) == 2
    assert execute(folder, second) == []
    pack(folder)
    assert begun(folder, specs) == [2, 2]


def test_two_runners_and_packing_again_and_again(folder: Path) -> None:
    """Packing is refused while runs are in progress, and loses none when it gets in between."""
    script = folder / "runner.py"
    script.write_text(RUNNER)
    runners = [start(script, folder) for _ in range(2)]
    refusals = 0
    while any(runner.poll() is None for runner in runners):
        try:
            pack(folder)
        except InputError as error:
            refusals += "in progress" in str(error)
    assert refusals > 0
    assert sum(int(runner.communicate(timeout=60)[0]) for runner in runners) == 8
    pack(folder)
    assert own_ids(folder) == []
    records = list(read_records(folder))
    assert len(records) == 8
    assert {times_begun(folder / "marks", record.spec) for record in records} == {1}


PACK = """
import sys
from pathlib import Path
from harness.suites.packing import pack
print(flush=True)
pack(Path(sys.argv[1]))
"""


def test_packing_may_be_killed_at_any_moment(folder: Path) -> None:
    records = [completed(run_spec("good", seed), seed / 7) for seed in range(400)]
    records.sort(key=lambda record: record.run_id)
    for moment in range(12):
        for record in records:
            write_record(folder, record)
        command = [sys.executable, "-c", PACK, str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(timeout=0.015 * moment)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate(timeout=60)
        assert list(read_records(folder)) == records
    pack(folder)
    assert list(read_records(folder)) == records
    assert {path.name for path in folder.iterdir()} == {"marks", packed_path(folder).name}
