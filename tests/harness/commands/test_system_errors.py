"""What the system refuses is one line with the path, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.records import write_record
from harness.testing.rows import random_transitions
from tests.support.commands import Command
from tests.support.records.control import make_run

pytestmark = pytest.mark.slow  # starts processes

LIMIT = 20_000  # bytes of a file, beyond which writing fails as on a full disk


# In the process itself, for the tests' own has threads and must not be forked.
LIMITED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))
from harness.cli import main
main()
"""


def limited(*words: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no file of more than the limit."""
    return subprocess.run(
        [sys.executable, "-c", LIMITED, *words],
        env=os.environ | {"MINARI_DATASETS_PATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    for text in said:
        assert text in done.stderr


def test_a_dataset_that_does_not_fit_is_not_collected(tmp_path: Path) -> None:
    done = limited("collect", "classic/acrobot/random-v0", root=tmp_path)
    assert_one_line(done, repr(str(tmp_path)), "File too large", "MINARI_DATASETS_PATH")
    assert not list(tmp_path.iterdir())


def test_a_set_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    source, target = tmp_path / "rows.npz", tmp_path / "set.npz"
    random_transitions(np.random.default_rng(0), 2000, 4).save(source, {})
    words = ("--method", "random", "--size", "1000", "--output", str(target))
    done = limited("distill", str(source), *words, root=tmp_path)
    assert_one_line(done, repr(str(target)), "File too large", "free some space there")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npz"]


def test_a_name_too_long_is_one_line(bench: Command, tmp_path: Path) -> None:
    source = tmp_path / "rows.npz"
    random_transitions(np.random.default_rng(0), 20, 4).save(source, {})
    for target in (tmp_path / f"{'a' * 300}.npz", f"some/{'a' * 300}-v0"):
        refused = bench("distill", source, "--size", "5", "--method", "random", "--output", target)
        assert refused.status == 2
        assert refused.errors.count("\n") == 1
        assert "aaa" in refused.errors
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npz"]


def test_a_folder_that_a_killed_process_left_goes_with_the_next_writing(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "root"))
    source = tmp_path / "rows.npz"
    random_transitions(np.random.default_rng(0), 20, 4).save(source, {})
    convert = ("convert", source, "--output")
    assert bench(*convert, "mine/one-v0").status == 0
    code = """
import os, signal
from envs.formats.minari.root import staged
with staged("mine/two-v0", "writing") as folder:
    (folder / "half").write_text("written")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list((tmp_path / "root").glob(".writing-*/half"))) == 1
    assert bench(*convert, "mine/three-v0").status == 0
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["mine"]


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A results folder in which nobody can write what commands write, not even root."""
    folder = tmp_path / "theirs"
    for seed in range(2):
        write_record(folder, make_run([1.0, 2.0], seed=seed))
    (folder / "tables").write_text("a file where a folder would be")
    (folder / "figures").write_text("a file where a folder would be")
    (folder / "report.html").mkdir()
    return folder


def test_somebody_elses_results_can_be_read(bench: Command, blocked: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    printed = bench("table", blocked)
    assert printed.status == 0
    assert "| " in printed.output
    assert "note: printed alone: " in printed.errors
    assert "--output FOLDER" in printed.errors
    for command in ("plot", "report"):
        refused = bench(command, blocked)
        assert refused.status == 2
        assert "--output FOLDER" in refused.errors
        assert bench(command, blocked, "--output", mine).status == 0
    written = bench("table", blocked, "--output", mine)
    assert written.output == printed.output
    names = {path.name for path in mine.iterdir()}
    assert {"comparison.md", "comparison.csv", "comparison.tex", "report.html"} <= names
    shutil.rmtree(blocked / "report.html")
    assert bench("report", blocked).status == 0
    assert (blocked / "report.html").read_bytes() == (mine / "report.html").read_bytes()
