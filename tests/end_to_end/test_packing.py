"""Packing as a user meets it: run, pack, go on, tabulate, verify, repeat what failed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.core.records import read_records
from harness.suites.run import run_suite
from harness.suites.verify import verify
from tests.support.commands import Command
from tests.support.records.stored import failed, packed_text, put_packed_text, write_packed

SUITE = """
name = "small"
description = "Two arms on diabetes."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [20]
seeds = [0, 1, 2]
reducers = ["full", "exact"]

[[learners]]
name = "mlp"
parameters = { iterations = 20 }
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("packed")
    (parent / "small.toml").write_text(SUITE)
    run_suite(str(parent / "small.toml"), parent / "small")
    return parent / "small"


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "small")
    shutil.copy(finished.parent / "small.toml", tmp_path)
    return tmp_path / "small"


def outputs(folder: Path) -> dict[str, bytes]:
    parts = ("tables", "figures", "report.html")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.relative_to(folder).parts[0] in parts
    }


def test_every_command_finds_in_packed_records_what_it_found(folder: Path, bench: Command) -> None:
    def ask() -> list[str]:
        run = ("run", folder.parent / "small.toml", "--results", folder)
        commands = [("status", folder), ("table", folder), ("plot", folder), ("report", folder)]
        done = [bench(*command) for command in [run, *commands]]
        assert [outcome.status for outcome in done] == [0] * len(done)
        assert "0 runs done, 0 failed, 6 already there" in done[0].output
        return [outcome.output for outcome in done]

    said, written = ask(), outputs(folder)
    assert len(written) > 4
    packed = bench("pack", folder)
    assert packed.status == 0
    assert "packed 6 records into" in packed.output
    assert "5 files and" in packed.output
    assert "not finished" not in packed.output
    assert not (folder / "records").exists()
    assert ask() == said
    assert outputs(folder) == written
    assert not (folder / "records").exists()
    found = verify(folder, sample=6)
    assert found.summary == "6 whole records, 1 dataset hashed, 6 runs repeated: 0 problems"
    assert "already packed: 6 records" in bench("pack", folder).output


def test_failures_are_repeated_from_packed_records(folder: Path, bench: Command) -> None:
    first, *others = read_records(folder)
    shutil.rmtree(folder / "records")
    write_packed(folder, failed(first.spec), *others)
    run = ("run", folder.parent / "small.toml", "--results", folder)
    assert bench(*run).status == 1
    assert "5 of 6 runs done, 1 failed" in bench("status", folder).output
    assert "not finished: 0 runs left and 1 failed" in bench("pack", folder).output
    again = bench(*run, "--retry-failed")
    assert again.status == 0
    assert "1 run done, 0 failed, 5 already there" in again.output
    assert [path.stem for path in (folder / "records").iterdir()] == [first.run_id]
    assert "6 of 6 runs done, 0 failed" in bench("status", folder).output
    assert "packed 1 record into" in bench("pack", folder).output
    assert "6 of 6 runs done, 0 failed" in bench("status", folder).output
    assert verify(folder, sample=0).problems == []


def test_an_unfinished_suite_goes_on_from_packed_records(folder: Path, bench: Command) -> None:
    removed = sorted((folder / "records").iterdir())[1]
    removed.unlink()
    packed = bench("pack", folder)
    assert packed.status == 0
    assert "not finished: 1 run left and 0 failed; `run` goes on" in packed.output
    run = bench("run", folder.parent / "small.toml", "--results", folder)
    assert "1 run done, 0 failed, 5 already there" in run.output
    assert [path.name for path in (folder / "records").iterdir()] == [removed.name]
    assert verify(folder, sample=0).summary.startswith("6 whole records")


def test_a_changed_byte_is_named_and_never_averaged(folder: Path, bench: Command) -> None:
    bench("pack", folder)
    whole = packed_text(folder)
    put_packed_text(folder, whole.replace(b'"value":', b'"value":1', 1))
    run = ("run", folder.parent / "small.toml", "--results", folder)
    for command in [run, *((name, folder) for name in ("table", "plot", "report", "status"))]:
        refused = bench(*command)
        assert refused.status == 2
        (line,) = refused.errors.splitlines()
        assert "records.jsonl" in line
        assert "restore that file, as from git" in line
    assert bench("pack", folder).status == 2
    checked = bench("verify", folder)
    assert checked.status == 1
    assert "records.jsonl" in checked.errors
    put_packed_text(folder, whole)
    assert bench("table", folder).status == 0


def test_verify_counts_what_is_beside_a_damaged_packed_file(folder: Path) -> None:
    path = write_packed(folder, *read_records(folder))
    path.write_bytes(path.read_bytes()[:-1])
    found = verify(folder, sample=0)
    assert len(found.records) == 6
    (problem,) = found.problems
    assert "records.jsonl" in problem


def test_several_folders_are_packed_and_a_wrong_one_is_named(
    folder: Path, finished: Path, tmp_path: Path, bench: Command
) -> None:
    second = tmp_path / "second"
    shutil.copytree(finished, second)
    done = bench("pack", folder, second)
    assert done.status == 0
    assert done.output.count("packed 6 records into") == 2
    for wrong, said in (("nowhere", "no records in 'nowhere"), (folder / "suite.json", "folder")):
        refused = bench("pack", wrong)
        assert refused.status == 2
        (line,) = refused.errors.splitlines()
        assert said in line
    assert bench("pack").status == 2
    assert not Path("nowhere").exists()
    for packed in packed_text(second).splitlines()[:-1]:
        assert json.loads(packed)["status"] == "completed"
