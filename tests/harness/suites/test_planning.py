"""Dry runs: what is due and about how long it takes, checked as a run is, and nothing written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.core.records import Seconds, write_record
from harness.suites.checks import Asked
from harness.suites.costs import expected_seconds
from harness.suites.loading import parse_suite
from harness.suites.planning import plan_suite
from tests.envs.formats.layouts import walk, write_npz
from tests.harness.suites.test_costs import SUITE, with_seconds
from tests.support.commands import Command
from tests.support.records.control import make_record, make_result

MINE = """
name = "mine"
description = "For a test."
sizes = [20]
seeds = [0]
reducers = ["random"]
learners = ["linear-fqi"]

[[datasets]]
id = "mine.npz"
environment = "CartPole-v1"
reference_min = 9
reference_max = 500
"""


@pytest.fixture(autouse=True)
def _empty(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("empty")))


def test_a_plan_is_made_from_what_is_there(tmp_path: Path) -> None:
    suite = parse_suite(SUITE, "shared")
    bare = plan_suite(suite, tmp_path / "none", Asked())
    assert (bare.pending, bare.there, bare.reductions, bare.records) == (30, 0, 15, 0)
    done = [run for run in suite.runs() if run.seed < 2]
    for run_id, seconds in expected_seconds(done).items():  # the machine is a thousand times slower
        run = next(run for run in done if run.run_id == run_id)
        took = Seconds(reduction=0.0, training=1000 * seconds, evaluation=0.0)
        write_record(tmp_path, with_seconds(make_record(run, make_result(run, [1.0])), took))
    plan = plan_suite(suite, tmp_path, Asked())
    assert (plan.pending, plan.there, plan.reductions, plan.records) == (10, 20, 5, 20)
    expected = expected_seconds(run for run in suite.runs() if run.seed == 2)
    assert plan.seconds == pytest.approx(1000 * sum(expected.values()))


def test_a_dry_run_says_what_would_be_run_and_runs_nothing(bench: Command, tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text(SUITE)
    command = ("run", tmp_path / "shared.toml", "--results", tmp_path / "out", "--dry-run")
    shown = bench(*command, "--jobs", "2")
    assert shown.status == 0
    first, second, third = shown.output.splitlines()
    assert first == "30 runs to execute on 15 reductions"
    assert re.match(r"about \d+ (s|min) by 2 workers: a rough estimate, .* another machine", second)
    assert third == "not here yet, and so not checked: classic/cartpole/medium-v0"
    assert {path.name for path in tmp_path.iterdir()} == {"shared.toml"}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    arrays = walk(40, 30, terminated=(0,), obs_dim=4, action_dim=0)
    write_npz(tmp_path / "mine.npz", {**arrays, "actions": arrays["actions"] % 2})
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize(
    ("old", "new", "options", "said"),
    [
        ("", "", ("--jobs", "0"), "jobs 0"),
        ("", "", ("--timeout", "0"), "timeout 0"),
        ("", "", ("--sets", "nowhere"), "sets.zip"),
        ("", "", ("--environment", "Pendulum-v1"), "Pendulum-v1"),
        ("[20]", "[71]", (), "size 71"),
        ("mine.npz", "none.npz", (), "no file 'none.npz'"),
        ("reference_max = 500", "reference_max = 5", (), "reference_max 5"),
        ('"random"', '"return-filte"', (), "did you mean 'return-filter'"),
    ],
)
def test_a_dry_run_refuses_what_a_run_refuses(
    bench: Command, mine: Path, old: str, new: str, options: tuple[str, ...], said: str
) -> None:
    mine.write_text(MINE.replace(old, new))
    before = sorted(mine.parent.iterdir())
    command = ("run", mine, "--results", "out", *options)
    refused, planned = bench(*command), bench(*command, "--dry-run")
    assert refused.status == planned.status == 2
    assert said in refused.errors
    assert planned.errors == refused.errors
    assert planned.output == ""
    assert sorted(mine.parent.iterdir()) == before


def test_a_dry_run_needs_no_folder_that_can_be_written(
    bench: Command, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "is not a writable folder" in bench("run", mine, "--results", "out").errors
    planned = bench("run", mine, "--results", "out", "--dry-run")
    assert planned.status == 0, planned.errors
    assert planned.output.startswith("1 run to execute on 1 reduction\n")
    assert not (mine.parent / "out").exists()
    assert bench("run", mine, "--results", mine / "out", "--dry-run").status == 2  # below a file
