"""Looking at a results folder from outside: its status, and whether it can be believed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import InputError
from harness.core.records import RunRecord, read_record, write_record
from harness.core.storage.record_files import record_path
from harness.execution.leases import Leases
from harness.execution.runner import pending_runs
from harness.execution.status import read_status
from harness.suites.loading import load_suite
from harness.suites.run import run_suite
from harness.suites.verify import differences, verify

SUITE = """
name = "small"
description = "Two arms on diabetes."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [20]
seeds = [0, 1, 2]

[[reducers]]
name = "full"

[[reducers]]
name = "exact"

[[learners]]
name = "mlp"
parameters = { iterations = 20 }
"""

# Lines of seconds, of the checksum over them, and of the checkout, which others may change.
UNSHARED = re.compile(
    r' *"(?:reduction": \d|training": |evaluation": |sha256": |commit": |dirty": ).*\n'
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("verified")
    (parent / "small.toml").write_text(SUITE)
    run_suite(str(parent / "small.toml"), parent / "small")
    return parent / "small"


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "small"
    shutil.copytree(finished, copy)
    return copy


def a_record(folder: Path) -> tuple[Path, RunRecord]:
    path = sorted((folder / "records").iterdir())[0]
    return path, read_record(path)


def rewritten(folder: Path, record: RunRecord, place: str, value: Any) -> None:
    """Write a record again with another value, under a checksum that is right."""
    content = json.loads(record.model_dump_json())
    *parents, last = place.split(".")
    part = content
    for name in parents:
        part = part[name]
    part[last] = value
    write_record(folder, RunRecord.model_validate_json(json.dumps(content)))


def test_an_honest_folder_is_believed(folder: Path) -> None:
    found = verify(folder, sample=100)
    assert found.problems == []
    assert len(found.repeated) == len(found.records) == 6
    assert found.summary == "6 whole records, 1 dataset hashed, 6 runs repeated: 0 problems"


def test_a_changed_byte_is_named(folder: Path) -> None:
    path, _ = a_record(folder)
    path.write_bytes(path.read_bytes().replace(b"rows", b"rowz", 1))
    (problem,) = verify(folder, sample=0).problems
    assert path.name in problem


def test_a_copied_record_is_named(folder: Path) -> None:
    path, _ = a_record(folder)
    shutil.copy(path, path.with_name("another.json"))
    (problem,) = verify(folder, sample=0).problems
    assert "another.json" in problem
    assert path.stem in problem


def test_a_forged_measurement_is_found_by_repeating_the_run(folder: Path) -> None:
    _, record = a_record(folder)
    rewritten(folder, record, "result.value", 1.0)
    (problem,) = verify(folder, sample=6).problems
    assert problem.startswith(f"{record.run_id}: repeated, result.value was 1.0 and is ")


def test_another_dataset_is_found_and_its_runs_are_not_repeated(folder: Path) -> None:
    _, record = a_record(folder)
    rewritten(folder, record, "result.dataset.content_hash", "0" * 64)
    found = verify(folder, sample=6)
    (problem,) = found.problems
    assert f"{record.run_id}: dataset 'regression/diabetes' had hash {'0' * 64}" in problem
    assert record.run_id not in found.repeated
    assert len(found.repeated) == 4  # both runs of the seed share the split


def test_results_on_other_data_are_not_added_to(folder: Path, finished: Path) -> None:
    suite = load_suite(str(finished.parent / "small.toml"))
    path, record = a_record(folder)
    rewritten(folder, record, "result.dataset.content_hash", "0" * 64)
    with pytest.raises(InputError, match="two versions"):  # though there is nothing to add
        run_suite(suite, folder)
    other = next(other for other in path.parent.iterdir() if other != path)
    other.unlink()
    with pytest.raises(InputError, match="two versions") as refusal:
        run_suite(suite, folder)
    assert record.result is not None
    now = record.result.dataset.content_hash
    for part in ("'regression/diabetes'", record.run_id, "0" * 64, now, "--results"):
        assert part in str(refusal.value)
    assert not other.exists()
    rewritten(folder, record, "result.dataset.content_hash", now)
    assert len(run_suite(suite, folder)) == 1


def test_an_unusable_folder_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="no records in"):
        verify(tmp_path, sample=0)
    with pytest.raises(InputError, match="sample -1"):
        verify(folder, sample=-1)


def test_differences_are_placed() -> None:
    old = {"a": [1, 2.5], "b": {"c": "x"}, "d": [1]}
    new = {"a": [1, 2.25], "b": {"c": "x", "e": None}, "d": [1, 2]}
    assert list(differences(old, new)) == ["a.1 was 2.5 and is 2.25", "d was [1] and is [1, 2]"]


def test_the_status_sorts_the_runs(folder: Path) -> None:
    paths = sorted((folder / "records").iterdir())
    for path in paths[:2]:
        path.unlink()
    failed = read_record(paths[2])
    write_record(
        folder,
        failed.model_copy(
            update={"status": "failed", "result": None, "reason": "time-out", "error": "late"}
        ),
    )
    paths[3].write_bytes(paths[3].read_bytes() + b" ")
    with Leases(folder) as leases:
        leases.acquire(paths[0].stem)
        status = read_status(folder)
    assert status.done == 2
    assert [record.run_id for record in status.failed] == [paths[2].stem]
    assert [lease.run_id for lease in status.leased] == [paths[0].stem]
    assert status.left == [paths[1].stem]
    lines = list(status.lines())
    assert lines[0] == "2 of 6 runs done, 1 failed, 1 leased, 1 left"
    assert lines[2] == f"failed: {paths[2].stem}: time-out: late"
    assert paths[3].name in lines[3]


def test_the_commands_say_so_in_their_status(folder: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness.cli", *arguments, str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert call("status").stdout == "6 of 6 runs done, 0 failed, 0 leased, 0 left\n"
    whole = call("verify", "--sample", "1")
    assert (whole.returncode, whole.stderr) == (0, "")
    path, _ = a_record(folder)
    path.write_bytes(path.read_bytes()[:-1])
    damaged = call("verify", "--sample", "0")
    assert damaged.returncode == 1
    assert path.name in damaged.stderr
    (folder / "suite.json").unlink()
    nothing = call("status")
    assert nothing.returncode == 2
    assert "no file" in nothing.stderr


def test_records_are_the_same_bytes_but_for_times(finished: Path, tmp_path: Path) -> None:
    suite = load_suite(str(finished.parent / "small.toml"))
    assert pending_runs(list(suite.runs()), finished) == []
    run_suite(suite, tmp_path, jobs=2)
    for spec in suite.runs():
        first, again = (
            UNSHARED.sub("", record_path(place, spec.run_id).read_text())
            for place in (finished, tmp_path)
        )
        assert first == again
