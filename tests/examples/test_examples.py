"""The examples: each is run as its own text says, in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.core.records import RunResult, read_records
from harness.core.transitions import Transitions
from harness.suites.shipped import shipped_suites

EXAMPLES = Path(__file__).parents[2] / "examples"
CARTPOLE = "classic/cartpole/medium-v0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the examples, outside the checkout, as the working directory."""
    copied = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copied)
    return copied


def run(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    return done


def bench(*words: str) -> str:
    return run("-m", "harness.cli", *words).stdout


def suite(text: str, path: Path) -> str:
    head = f'name = "{path.stem}"\ndescription = "For a test."\nepisodes = 2\n'
    path.write_text(head + text)
    return str(path)


@pytest.mark.usefixtures("cartpole")
def test_the_suite_runs_with_all_that_is_its_own(folder: Path) -> None:
    text = (folder / "my_suite.toml").read_text()
    (folder / "my_suite.toml").write_text(text.replace("steps = 1000", "steps = 40"))
    said = bench("run", "my_suite.toml", "--results", "mine", "--jobs", "2")
    assert "16 runs done, 0 failed" in said
    records = list(read_records(folder / "mine"))
    assert {record.spec.reducer.label for record in records} >= {"every-nth", "full"}
    assert {record.spec.learner.label for record in records} == {"neighbour-q", "dqn"}
    for record in records:
        assert isinstance(record.result, RunResult)
        assert record.result.dataset.environment_id == "WindyCartPole-v0"
    assert "every-nth" in bench("table", "mine")
    assert "8 runs of module:Class left out" not in bench(
        "verify", "mine", "--sample", "1", "--import-modules"
    )


@pytest.mark.usefixtures("cartpole")
def test_a_reducer_of_ones_own(folder: Path) -> None:
    names = f'datasets = ["{CARTPOLE}"]\nsizes = [20]\nseeds = [0, 1]\n'
    own = suite(
        names + 'reducers = ["every_nth:EveryNth"]\n[[learners]]\nname = "fresh-predictors"\n'
        "parameters = { predictors = 20 }\n",
        folder / "reducer.toml",
    )
    assert "2 runs done, 0 failed" in bench("run", own, "--results", "r", "--jobs", "2")
    said = bench(
        *("distill", CARTPOLE, "--method", "every_nth:EveryNth", "--size", "30"),
        *("--parameter", "skip=7", "--output", "even.npz"),
    )
    assert "30 kept of 29523 transitions by every-nth" in said
    assert len(Transitions.load(folder / "even.npz")[0]) == 30


def test_a_reducer_serves_regression_too(folder: Path) -> None:
    own = suite(
        'task = "regression"\ndatasets = ["regression/diabetes"]\nsizes = [20]\nseeds = [0]\n'
        'reducers = ["every_nth:EveryNth"]\nlearners = ["ridge"]\n',
        folder / "regression.toml",
    )
    (folder / "regression.toml").write_text(
        (folder / "regression.toml").read_text().replace("episodes = 2\n", "")
    )
    assert "1 run done, 0 failed" in bench("run", own, "--results", "r", "--jobs", "2")


@pytest.mark.usefixtures("cartpole")
def test_a_learner_of_ones_own(folder: Path) -> None:
    own = suite(
        f'datasets = ["{CARTPOLE}"]\nsizes = [100]\nseeds = [0, 1]\nreducers = ["stratified"]\n'
        'learners = ["neighbour_q:NeighbourQLearner"]\n',
        folder / "learner.toml",
    )
    assert "2 runs done, 0 failed" in bench("run", own, "--results", "r", "--jobs", "2")


@pytest.mark.usefixtures("cartpole")
def test_a_metric_of_ones_own(folder: Path) -> None:
    own = suite(
        f'datasets = ["{CARTPOLE}"]\nsizes = [50]\nseeds = [0, 1]\n'
        'reducers = ["random", "stratified"]\nlearners = ["mean_shift:MeanShift"]\n',
        folder / "metric.toml",
    )
    assert "4 runs done, 0 failed" in bench("run", own, "--results", "r", "--jobs", "2")
    assert "mean shift" in bench("table", "r")
    bench("report", "r")
    assert (folder / "r" / "report.html").is_file()


@pytest.mark.usefixtures("cartpole")
def test_a_format_of_ones_own(folder: Path) -> None:
    run("json_lines.py", CARTPOLE, "rows.jsonl")
    named = "json_lines:JsonLines::rows.jsonl"
    assert "29,523" in bench("inspect", named)
    own = suite(
        f'datasets = ["{named}"]\nsizes = [20]\nseeds = [0, 1]\nreducers = ["random"]\n'
        '[[learners]]\nname = "linear-fqi"\nparameters = { feature_count = 10, iterations = 5 }\n',
        folder / "format.toml",
    )
    assert "2 runs done, 0 failed" in bench("run", own, "--results", "r", "--jobs", "2")


@pytest.mark.usefixtures("cartpole")
def test_the_commands_of_the_page_are_those_that_are_tested(folder: Path) -> None:
    """What the page of examples says in its shell block begins with commands that exist."""
    page = EXAMPLES.parent / "docs" / "examples.md"
    block = re.search(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    for line in block[1].splitlines()[1:]:
        words = line.split()
        assert words[0] in ("bellman-bench", "python")
        for word in words:
            if word.endswith((".py", ".toml")):
                assert (folder / word).is_file()
    assert "my-suite" not in shipped_suites()


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_committed_set_teaches_d3rlpy_alone() -> None:
    sets = EXAMPLES.parent / "results" / "sets"
    said = run("train_on_a_set.py", str(sets / "cartpole-medium-50.npz"), "CartPole-v1").stdout
    assert float(said.split()[-1]) > 300


def test_a_minari_dataset_of_ones_own_is_distilled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
    *_, counted, returned = run("distil_minari.py", "own/cartpole-v0").stdout.splitlines()
    assert counted.startswith("50 of ")
    assert float(returned.split()[-1]) > 300  # of 500: twice the recording's own mean


@pytest.mark.usefixtures("cartpole")
def test_a_search_on_a_set_chooses_what_is_best_on_all_the_data(folder: Path) -> None:
    said = run("search_on_a_set.py", "searched").stdout.splitlines()
    rows = [[float(cell) for cell in line.split()] for line in said[1:-1]]
    assert [row[0] for row in rows] == [1e-5, 1e-4, 1e-3]
    best = max(rows, key=lambda row: row[2])[0]
    assert said[-1] == f"chosen on the set: {best:g}; best on all data: {best:g}"
    assert len(list(read_records(folder / "searched" / "on-the-set"))) == len(rows)


def test_a_log_without_environment_is_judged_by_its_data(folder: Path) -> None:
    said = run("judge_offline.py", "log.npz", "thirty.npz").stdout.splitlines()
    regrets = {line[:28].strip(): float(line[28:]) for line in said[1:]}
    assert regrets["30 rows, advantage"] < 0.5 * regrets["(actions at random)"]
    found, about = Transitions.load(folder / "thirty.npz")
    assert len(found) == 30
    assert about["source"] == "log.npz"


@pytest.mark.usefixtures("cartpole", "folder")
def test_two_folders_are_compared_as_the_command_compares_them() -> None:
    said = run("compare_folders.py", "before", "after").stdout.splitlines()
    rows = {(cells := line.split())[-5]: cells[-4:] for line in said[2:]}
    assert rows.keys() == {"full", "mine"}
    assert float(rows["full"][2]) == 0  # the same runs
    bench("compare", "before", "after", "--versus", "mine", "--output", "diff.csv")
    table = pd.read_csv("diff.csv").set_index("arm")
    own = table.loc["mine (after)"]
    assert float(rows["mine"][2]) == pytest.approx(own["difference"], abs=1e-3)
    assert int(rows["mine"][3]) == own["pairs"] == 3


@pytest.mark.parametrize("environment", ["cartpole", "mountaincar", "acrobot"])
def test_a_committed_set_is_what_its_command_makes(environment: str, tmp_path: Path) -> None:
    """Rows and actions to the last bit; labels up to the rounding of another processor."""
    made = tmp_path / "made.npz"
    bench(
        *("distill", f"classic/{environment}/medium-v0", "--method", "stratified", "--size", "50"),
        *("--labels", "advantage", "--seed", "0", "--output", str(made)),
    )
    kept = EXAMPLES.parent / "results" / "sets" / f"{environment}-medium-50.npz"
    found, expected = (Transitions.load(path)[0] for path in (made, kept))
    np.testing.assert_array_equal(found.observations, expected.observations)
    np.testing.assert_array_equal(found.actions, expected.actions)
    np.testing.assert_allclose(found.rewards, expected.rewards, rtol=1e-2, atol=1e-1)
