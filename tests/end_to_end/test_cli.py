"""The command line as a user meets it: real data, real training, real files."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.core.records import RunResult, read_records, write_record
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.testing.rows import random_transitions
from tests.support.commands import Command
from tests.support.records.control import make_run
from tests.support.web.pages import ROOT

TINY = """
name = "tiny"
description = "Two arms, two sizes, one short learner."
datasets = ["classic/cartpole/medium-v0"]
sizes = [20, 40]
seeds = [0, 1]
episodes = 3

[[reducers]]
name = "full"

[[reducers]]
name = "bellman"
parameters = { predictors = 10 }

[[learners]]
name = "dqn"
parameters = { steps = 40, checkpoints = 4 }
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder that the installed command has filled with two processes."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "tiny.toml").write_text(TINY)
    command = ["run", str(folder / "tiny.toml"), "--results", str(folder / "tiny"), "--jobs", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "6 runs done, 0 failed, 0 already there" in done.stdout
    assert "Gym has been unmaintained" not in done.stdout + done.stderr
    return folder / "tiny"


def test_every_run_has_a_complete_record(results: Path) -> None:
    records = list(read_records(results))
    assert len(records) == 6
    for record in records:
        assert record.status == "completed"
        assert isinstance(record.result, RunResult)
        assert [checkpoint.step for checkpoint in record.result.checkpoints] == [10, 20, 30, 40]
        assert all(len(checkpoint.returns) == 3 for checkpoint in record.result.checkpoints)
        assert record.result.reduction.rows == (record.spec.size or record.result.dataset.rows)
        assert record.result.seconds.training > 0
        assert record.provenance.versions["d3rlpy"]


def test_running_again_runs_nothing(results: Path, bench: Command) -> None:
    before = {path: path.stat().st_mtime_ns for path in (results / "records").iterdir()}
    again = bench("run", results.parent / "tiny.toml", "--results", results)
    assert again.status == 0
    assert "0 runs done, 0 failed, 6 already there" in again.output
    assert {path: path.stat().st_mtime_ns for path in (results / "records").iterdir()} == before


def test_one_process_finds_what_two_found(results: Path, bench: Command, tmp_path: Path) -> None:
    path = sorted((results / "records").iterdir())[0]
    for other in (results / "records").iterdir():
        if other != path:
            target = tmp_path / "records" / other.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(other.read_bytes())
    again = bench("run", results.parent / "tiny.toml", "--results", tmp_path)
    assert "1 run done, 0 failed, 5 already there" in again.output

    def measured(folder: Path) -> object:
        record = json.loads((folder / "records" / path.name).read_text())
        return {**record["result"], "seconds": None}

    assert measured(tmp_path) == measured(results)


def test_the_table_is_printed_and_written(results: Path, bench: Command) -> None:
    shown = bench("table", results)
    assert shown.status == 0
    assert "| full" in shown.output
    assert "| bellman" in shown.output
    table, _, caption = shown.output.partition("\n\n")
    written = (results / "tables" / "comparison.md").read_text()
    assert written == f"{caption}\n{table}\n"
    for format_, mark in (("csv", "dataset,size"), ("latex", "\\begin{tabular}")):
        assert mark in bench("table", results, "--format", format_).output


def test_a_refused_table_leaves_the_garbage_collector_on(bench: Command, tmp_path: Path) -> None:
    assert bench("table", tmp_path).status == 2
    assert gc.isenabled()


def test_the_figures_are_drawn(results: Path, bench: Command) -> None:
    drawn = bench("plot", results)
    assert drawn.status == 0
    for line in drawn.output.splitlines():
        path = Path(line.removeprefix("wrote "))
        assert path.stat().st_size > 1000
    assert len(drawn.output.splitlines()) == 6


def test_some_arms_alone_are_drawn(results: Path, bench: Command, tmp_path: Path) -> None:
    drawn = bench("plot", results, "--arms", "full, bellman", "--output", tmp_path / "some")
    assert drawn.status == 0
    text = " ".join(path.read_text() for path in (tmp_path / "some").glob("*.svg"))
    assert "bellman" in text
    assert "leverage" not in text
    for option in ("--arms", "--learners"):
        refused = bench("plot", results, option, "belman", "--output", tmp_path / "none")
        assert refused.status == 2
        assert "'belman' has no record: choose from" in refused.errors
    assert not (tmp_path / "none").exists()


def test_nothing_to_draw_is_said(tmp_path: Path, bench: Command) -> None:
    write_record(tmp_path, make_run([1.0]))
    drawn = bench("plot", tmp_path)
    assert drawn.status == 0
    assert "nothing to plot" in drawn.errors
    assert not (tmp_path / "figures").exists()


def test_the_report_holds_tables_and_figures(results: Path, bench: Command) -> None:
    assert bench("table", results).status == 0
    assert bench("report", results).status == 0
    page = (results / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    tables = [Path(name) for name in sorted(results.glob("tables/*.csv"))]
    assert len(tables) > 1
    for table in tables:
        assert f">{table.stem.capitalize()}</h2>" in page
    rows = sum(len(table.read_text(encoding="utf-8").splitlines()) for table in tables)
    assert page.count("<tr>") == rows
    assert bench("report", results).status == 0
    assert (results / "report.html").read_text(encoding="utf-8") == page


def test_the_report_begins_with_the_verdicts_on_claims(results: Path, bench: Command) -> None:
    claims = ROOT / "results" / "published" / "arxiv-2512.00536.toml"
    assert bench("report", results, "--claims", claims).status == 0
    page = (results / "report.html").read_text(encoding="utf-8")
    told = re.search(r"Of (\d+) verdicts on published claims: (\d+) not tested\.", page)
    assert told
    assert told[1] == told[2]
    assert ">Claims</h2>" in page
    refused = bench("report", results, "--claims", "nowhere.toml")
    assert refused.status == 2
    assert "no file 'nowhere.toml'" in refused.errors


def test_other_settings_do_not_mix_with_old_results(results: Path, bench: Command) -> None:
    changed = results.parent / "changed.toml"
    changed.write_text(TINY.replace("steps = 40", "steps = 80"))
    refused = bench("run", changed, "--results", results)
    assert refused.status == 2
    assert "other settings" in refused.errors


@pytest.mark.parametrize("part", ["learner", "reducer"])
def test_a_default_that_has_changed_does_not_mix_with_old_results(
    results: Path, bench: Command, tmp_path: Path, part: str
) -> None:
    records = list(read_records(results))
    for record in records[1:]:  # the first is to be done again
        assert isinstance(record.result, RunResult)
        told = record.result.model_dump()
        if part == "learner":
            told["learner_parameters"]["batch_size"] = 7
        elif record.spec.size:
            told["reduction"]["parameters"]["start"] = "other"
        write_record(tmp_path, record.model_copy(update={"result": RunResult.model_validate(told)}))
    before = {path.name: path.read_bytes() for path in (tmp_path / "records").iterdir()}
    refused = bench("run", results.parent / "tiny.toml", "--results", tmp_path)
    assert refused.status == 2
    name, value = ("batch_size", 7) if part == "learner" else ("start", "'other'")
    assert re.search(rf"now has {name} = .* was made with {value}: .* --results", refused.errors)
    assert {path.name: path.read_bytes() for path in (tmp_path / "records").iterdir()} == before


def test_a_failed_run_is_recorded_and_named(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random_transitions(np.random.default_rng(0), 60, obs_dim=4)
    source = replace(source, rewards=source.rewards * 1e30)  # no network can learn them
    source.save(
        tmp_path / "wrong.npz",
        {"environment_id": "CartPole-v1", "reference_min": 0.0, "reference_max": 1.0},
    )
    monkeypatch.chdir(tmp_path)
    text = TINY.replace("classic/cartpole/medium-v0", "wrong.npz").replace("[20, 40]", "[20]")
    (tmp_path / "wrong.toml").write_text(text.replace("[0, 1]", "[0]"))
    ended = bench("run", tmp_path / "wrong.toml", "--results", tmp_path / "wrong")
    assert ended.status == 1
    assert "0 runs done, 2 failed" in ended.output
    assert "failed: wrong.npz__bellman__n20__dqn__seed0: " in ended.errors
    records = list(read_records(tmp_path / "wrong"))
    assert all("Traceback" in (record.error or "") for record in records)
    assert "2 runs failed: repeat only the failed runs with --retry-failed" in ended.errors

    again = bench("run", tmp_path / "wrong.toml", "--results", tmp_path / "wrong")
    assert again.status == 1
    assert "0 runs done, 0 failed, 2 already there" in again.output
    assert "failed: wrong.npz__bellman__n20__dqn__seed0: " in again.errors
    command = ("run", tmp_path / "wrong.toml", "--results", tmp_path / "wrong", "--log-json")
    repeated = bench(*command, "--retry-failed")
    assert repeated.status == 1
    assert "0 runs done, 2 failed, 0 already there" in repeated.output
    told, *events = [json.loads(line) for line in repeated.errors.splitlines()]
    assert "wrong.npz" in told["message"]  # what is wrong with its rows
    kinds = ["start", "run", "run", "end", "notice", "notice", "notice"]
    assert [event["event"] for event in events] == kinds
    assert events[2]["failed"] == 2
    assert events[2]["left"] == 0
    assert [event["reason"] for event in events[1:3]] == ["exception", "exception"]
    assert all("overflow in float32; rescale" in (record.error or "") for record in records)


@pytest.mark.parametrize("method", ["random", "stratified", "leverage", "bellman"])
def test_a_distilled_set_is_a_dataset(bench: Command, tmp_path: Path, method: str) -> None:
    path = tmp_path / "set.npz"
    arguments = ("--method", method, "--size", "30", "--seed", "7", "--output", path)
    made = bench("distill", "classic/cartpole/medium-v0", *arguments)
    assert made.status == 0
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {*ARRAY_NAMES, "metadata"}
        metadata = json.loads(str(file["metadata"]))
    assert metadata["method"] == method
    assert metadata["seed"] == 7
    assert metadata["discount"] == 0.99
    assert metadata["source"] == "classic/cartpole/medium-v0"
    assert metadata["environment_id"] == "CartPole-v1"
    first, _ = Transitions.load(path)
    assert len(first) == 30

    bench("distill", "classic/cartpole/medium-v0", *arguments[:-1], tmp_path / "again.npz")
    again, _ = Transitions.load(tmp_path / "again.npz")
    assert again.content_hash() == first.content_hash()

    fewer = bench(
        "distill", path, "--method", "random", "--size", "5", "--output", tmp_path / "f.npz"
    )
    assert fewer.status == 0


def test_parameters_reach_the_method(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    made = bench(
        "distill", "classic/cartpole/medium-v0", "--size", "20", "--output", path,
        "--parameter", "predictors=7",
    )  # fmt: skip
    assert made.status == 0
    _, metadata = Transitions.load(path)
    assert metadata["parameters"]["predictors"] == 7


def test_everything_is_listed(bench: Command) -> None:
    listed = bench("list")
    assert listed.status == 0
    for name in ("classic/acrobot/mixed-v0", "bellman", "leverage", "fqi", "quickstart", "smoke"):
        assert name in listed.output
    assert len(listed.output.splitlines()) < 60
    methods = bench("list", "methods").output.splitlines()
    assert any(re.match("stratified +[A-Z].*", line) for line in methods)
    refused = bench("list", "method")
    assert (refused.status, "did you mean 'methods'" in refused.errors) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["distill", "classic/cartpol/medium-v0"], "unknown dataset .*did you mean"),
        (["distill", "../../etc/passwd"], "dataset id"),
        (["distill", "absent.npz"], "no file 'absent.npz'"),
        (["distill", "D", "--method", "bellmann"], "did you mean 'bellman'"),
        (["distill", "D", "--size", "0"], "size 0"),
        (["distill", "D", "--size", "-5"], "size -5"),
        (["distill", "D", "--size", "10000000"], "size 10000000: .*29523"),
        (["distill", "D", "--size", "many"], "many"),
        (["distill", "D", "--discount", "1.5"], "discount 1.5"),
        (["distill", "D", "--parameter", "predictors"], "name=value"),
        (["distill", "D", "--parameter", "predictor=3"], "did you mean 'predictors'"),
        (["distill", "D", "--colour"], "--colour"),
        (["collect", "classic/cartpole/easy-v0"], "unknown"),
        (["distill", "D", "--parameter", "discount=0.5"], "discount = 0.5: .*given as --discount"),
        (["run", "quickstrat"], "did you mean 'quickstart'"),
        (["run", "absent.toml"], "no file"),
        (["run", "smoke", "--jobs", "0"], "jobs 0"),
        (["run", "smoke", "--timeout", "0"], "timeout 0"),
        (["status", "nowhere"], "no file 'nowhere/suite.json'"),
        (["verify", "nowhere"], "no records in"),
        (["table", "nowhere"], "no records in"),
        (["plot", "nowhere"], "no records in"),
        (["report", "nowhere"], "no records in"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], rule: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["classic/cartpole/medium-v0" if word == "D" else word for word in arguments]
    if words[0] == "distill":
        words += ["--output", "out.npz"]
    refused = bench(*words)
    assert refused.status == 2
    assert refused.output == ""
    assert len(refused.errors.strip().splitlines()) == 1
    assert "Traceback" not in refused.errors
    assert re.search(rule, refused.errors)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('name = "bellman"', 'name = "bellmen"', "did you mean 'bellman'"),
        ('name = "dqn"', 'name = "dqnn"', "did you mean 'dqn'"),
        ("predictors = 10", "predictorz = 10", "did you mean 'predictors'"),
        ("episodes = 3", "episode = 3", "episode"),
        ("classic/cartpole/medium-v0", f"{'d' * 190}.npz", "names a file.*shorter path"),
        ("episodes = 3", "episodes = 0", "episodes = 0.*greater than 0"),
        ("sizes = [20, 40]", "sizes = [20, 0]", "greater than 0"),
        ("sizes = [20, 40]", "sizes = [20, 40000000]", "size 40000000.*has only 29523 rows"),
        ("sizes = [20, 40]", "sizes = [20, 40", "not TOML"),
        ("medium-v0", "medium-v9", "unknown dataset"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "is the id of two runs"),
        ("checkpoints = 4", "checkpoints = 7", "equal parts"),
        (
            "[[learners]]",
            '[[learners]]\nname = "fresh-predictors"\n\n[[learners]]',
            "mixes learners and metrics",
        ),
    ],
)
def test_a_bad_suite_is_refused_before_anything_runs(
    bench: Command, tmp_path: Path, old: str, new: str, rule: str
) -> None:
    assert old in TINY
    (tmp_path / "bad.toml").write_text(TINY.replace(old, new))
    refused = bench("run", tmp_path / "bad.toml", "--results", tmp_path / "results")
    assert refused.status == 2
    assert len(refused.errors.strip().splitlines()) == 1
    assert re.search(rule, refused.errors)
    assert not (tmp_path / "results").exists()


def test_data_in_which_nothing_can_be_evaluated_are_refused_at_the_start(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_transitions(np.random.default_rng(0), 60).save(tmp_path / "bare.npz", {})
    monkeypatch.chdir(tmp_path)
    text = TINY.replace("classic/cartpole/medium-v0", "bare.npz")
    (tmp_path / "bare.toml").write_text(text)
    refused = bench("run", "bare.toml", "--results", "results")
    assert refused.status == 2
    assert "lacks an environment" in refused.errors
    assert not (tmp_path / "results").exists()


def test_debug_shows_the_traceback(bench: Command) -> None:
    refused = bench("table", "nowhere", "--debug")
    assert refused.status == 2
    assert "Traceback" in refused.errors
    assert "no records in" in refused.errors.splitlines()[-1]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"rewards": np.full(60, np.nan)}, "rewards: 60 rows hold NaN"),
        ({"next_observations": np.full((60, 3), np.inf)}, "every value must be finite"),
        ({"actions": np.linspace(0, 1, 60)}, "actions must be discrete"),
        ({"observations": np.zeros((60, 2, 2))}, "flatten"),
        ({"terminations": np.full(60, 7)}, "must all be 0 or 1"),
        ({name: np.zeros((0, 3)) for name in ("observations", "next_observations")}
         | {"actions": np.zeros(0, int), "rewards": np.zeros(0), "terminations": np.zeros(0, bool),
            "weights": np.zeros(0)}, "holds no row"),
    ],
)  # fmt: skip
def test_bad_data_is_one_line_and_status_2(
    bench: Command, tmp_path: Path, change: dict[str, np.ndarray], rule: str
) -> None:
    source = random_transitions(np.random.default_rng(0), 60)
    arrays = {name: getattr(source, name) for name in ARRAY_NAMES} | change
    np.savez(tmp_path / "bad.npz", **arrays)
    refused = bench("distill", tmp_path / "bad.npz", "--output", tmp_path / "out.npz")
    assert refused.status == 2
    assert len(refused.errors.strip().splitlines()) == 1
    assert re.search(f"bad.npz.*{rule}", refused.errors)
    assert not (tmp_path / "out.npz").exists()


def test_a_reader_that_has_read_enough_is_told_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "list"], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1
