"""Kept sets: whoever repeats a study on another processor trains on its own sets."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.core.records import RunRecord, read_records
from harness.core.storage.npz import unpack_arrays
from harness.suites.verify import verify
from tests.support.commands import Command

# A method that, as an iterative search, ends elsewhere on another processor.
METHOD = """
import os
from typing import ClassVar

import numpy as np

from harness.core.reduction import Reducer
from harness.core.rows import RowsT


class Search(Reducer[RowsT]):
    name: ClassVar[str] = "search"

    def _reduce(self, rows, size, rng):
        first = int(os.environ["PROCESSOR"])
        kept = np.arange(first, first + size)
        return rows.take(kept), kept, {}
"""
SUITE = """
name = "small"
description = "A search and random rows."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [20]
seeds = [0, 1]
learners = ["ridge", "least-squares"]

[[reducers]]
name = "search_elsewhere:Search"

[[reducers]]
name = "random"
"""
LEARNERS, SEEDS = 2, 2


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Command) -> Path:
    """A finished study of this processor, with its sets kept and its cache gone."""
    (tmp_path / "search_elsewhere.py").write_text(METHOD)
    (tmp_path / "small.toml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PROCESSOR", "0")
    monkeypatch.delitem(sys.modules, "search_elsewhere", raising=False)
    assert bench("run", "small.toml", "--results", "study").status == 0
    kept = bench("keep", "study", "--arms", "search, random", "--import-modules")
    assert (kept.status, kept.output.strip()) == (0, "4 sets in study/sets.zip")
    shutil.rmtree(tmp_path / "study" / "cache", ignore_errors=True)
    return tmp_path / "study"


def measured(folder: Path) -> dict[str, float]:
    return {record.run_id: record.headline for record in read_records(folder)}


def searched(records: dict[str, float]) -> dict[str, float]:
    return {run_id: value for run_id, value in records.items() if "__search__" in run_id}


def test_a_study_has_its_own_numbers_elsewhere(
    study: Path, monkeypatch: pytest.MonkeyPatch, bench: Command
) -> None:
    monkeypatch.setenv("PROCESSOR", "7")
    assert bench("run", "small.toml", "--results", "anew").status == 0
    assert bench("run", "small.toml", "--results", "again", "--sets", study).status == 0
    own, anew, again = map(measured, (study, Path("anew"), Path("again")))
    assert again == own
    assert anew.keys() == own.keys()
    assert all(anew[run_id] != value for run_id, value in searched(own).items())
    assert all(anew[run_id] == own[run_id] for run_id in own.keys() - searched(own).keys())
    assert Path("again", "sets.zip").read_bytes() == (study / "sets.zip").read_bytes()


def test_verify_says_which_differences_are_the_processors(
    study: Path, monkeypatch: pytest.MonkeyPatch, bench: Command
) -> None:
    assert verify(study, 8, import_modules=True).remarks == []
    monkeypatch.setenv("PROCESSOR", "7")
    found = verify(study, 8, import_modules=True)
    assert found.problems == []
    assert len(found.remarks) == LEARNERS * SEEDS
    said = bench("verify", study, "--sample", 8, "--import-modules")
    assert said.status == 0
    assert said.errors.count("as on another processor; repeated on the kept set") == 4
    (study / "sets.zip").unlink()
    assert len({line.split(":")[0] for line in verify(study, 8, True).problems}) == 4


def test_the_sets_can_be_read_without_the_package(study: Path) -> None:
    with zipfile.ZipFile(study / "sets.zip") as archive:
        names = set(archive.namelist()) - {"index.json"}
        assert names == {
            f"regression-diabetes__{arm}__n20__seed{seed}.npz"
            for arm in ("search", "random")
            for seed in range(SEEDS)
        }
        arrays, _ = unpack_arrays(archive.open("regression-diabetes__search__n20__seed1.npz"))
        with np.load(archive.open("regression-diabetes__search__n20__seed1.npz")) as plain:
            assert all(np.array_equal(plain[name], arrays[name]) for name in arrays)
    assert arrays["features"].shape == (20, 10)


def test_sets_are_kept_where_the_study_ran_alone(
    study: Path, monkeypatch: pytest.MonkeyPatch, bench: Command
) -> None:
    before = (study / "sets.zip").read_bytes()  # those of random too, which stay
    assert bench("keep", study, "--arms", "search", "--import-modules").status == 0
    assert (study / "sets.zip").read_bytes() == before
    (study / "sets.zip").unlink()
    monkeypatch.setenv("PROCESSOR", "7")
    command = [sys.executable, "-m", "harness.cli", "keep", str(study)]
    command += ["--arms", "search", "--import-modules"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "keep sets where the suite was run" in refused.stderr
    assert not (study / "sets.zip").exists()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("keep", "study", "--arms", "random,none"), "arm 'none' has no completed run"),
        (("keep", "study", "--arms", " , "), "arm '' has no completed run"),
        (("keep", "study", "--arms", "search"), "add --import-modules"),
        (("keep", "nowhere", "--arms", "random"), "no records in"),
        (("run", "small.toml", "--results", "new", "--sets", "nowhere"), "no file"),
        (("run", "small.toml", "--results", "other", "--sets", "study"), "keeps other sets"),
        (("run", "small.toml", "--results", "damaged"), "restore that file"),
        (("run", "small.toml", "--results", "new", "--sets", "damaged"), "restore that file"),
        (
            (
                "run",
                "small.toml",
                "--results",
                "new",
                "--sets",
                "study",
                "--scheduler",
                "tcp://a:1",
            ),
            "a cluster's workers make theirs anew",
        ),
    ],
)
@pytest.mark.usefixtures("study")
def test_what_cannot_be_is_one_line(bench: Command, arguments: tuple[str, ...], rule: str) -> None:
    content = Path("study", "sets.zip").read_bytes()
    for name, kept in (("other", b"others"), ("damaged", content[:200] + b"x" + content[201:])):
        Path(name).mkdir()
        Path(name, "sets.zip").write_bytes(kept)
    refused = bench(*arguments)
    assert refused.status == 2
    assert len(refused.errors.splitlines()) == 1
    assert rule in refused.errors
    assert not Path("new").exists()


def test_a_set_of_other_data_is_not_used(study: Path, bench: Command) -> None:
    """A key says how a set was made, so that sets of another suite are harmless."""
    Path("other.toml").write_text(SUITE.replace("sizes = [20]", "sizes = [21]"))
    assert bench("run", "other.toml", "--results", "wider", "--sets", study).status == 0
    records: list[RunRecord] = list(read_records(Path("wider")))
    assert {record.result.reduction.rows for record in records if record.result} == {21}
