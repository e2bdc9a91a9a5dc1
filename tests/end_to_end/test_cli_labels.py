"""Labels from the command line: distilled, run, recorded and refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.loading import open_dataset
from harness.core.records import read_records
from harness.core.storage.npz import load_arrays
from harness.testing.rows import random_transitions
from tests.support.commands import Command

CARTPOLE = "classic/cartpole/medium-v0"
NO_SIGNAL = "classic/cartpole/expert-v0"  # no row terminates, and every reward is one

SUITE = f"""
name = "labelled"
description = ""
datasets = ["{CARTPOLE}"]
sizes = [50]
seeds = [0]
episodes = 5

[[reducers]]
name = "stratified"

[[reducers]]
name = "stratified"
labels = "advantage"

[[reducers]]
name = "random"
label = "every-action"
labels = {{ name = "advantage", parameters = {{ actions = "all" }} }}

[[learners]]
name = "fqi"
parameters = {{ steps = 600, learning_rate = 5e-3, batch_size = 64, checkpoints = 1 }}
"""


def test_a_labelled_set_says_how_it_was_made(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    made = bench(
        "distill", CARTPOLE, "--method", "random", "--labels", "advantage", "--size", 30,
        "--output", path,
    )  # fmt: skip
    assert made.status == 0, made.errors
    assert "30 synthetic of 29523 transitions by random with advantage labels" in made.output
    with np.load(path, allow_pickle=False) as file:
        metadata = json.loads(str(file["metadata"]))
    assert metadata["parameters"]["labels"]["name"] == "advantage"
    assert metadata["parameters"]["teacher"]["name"] == "closed-form"
    assert 0 < metadata["diagnostics"]["left_out_error"] < 1
    again = open_dataset(str(path)).transitions
    assert again.terminations.all()
    assert len(np.unique(again.rewards)) > 20


def test_labels_are_given_with_their_parameters(bench: Command, tmp_path: Path) -> None:
    output = tmp_path / "set.npz"
    labels = '{ name = "advantage", when = "before", parameters = { actions = "all" } }'
    made = bench(
        "distill", CARTPOLE, "--method", "random", "--labels", labels, "--size", 7,
        "--output", output,
    )  # fmt: skip
    assert made.status == 0, made.errors
    parameters = load_arrays(output)[1]["parameters"]
    assert parameters["when"] == "before"
    assert parameters["labels"]["parameters"]["actions"] == "all"


def test_a_labelled_set_is_compared_with_the_source_labelled_alike(
    bench: Command, tmp_path: Path
) -> None:
    """All rows in another order, labelled by the same teacher, have the losses of the source."""
    path = tmp_path / "set.npz"
    made = bench(
        "distill", CARTPOLE, "--method", "random", "--labels", "advantage", "--size", 29_523,
        "--output", path,
    )  # fmt: skip
    assert made.status == 0, made.errors
    certified = bench("certify", path, "--against", CARTPOLE).output.splitlines()
    assert certified[0] == "both with advantage labels, by the same teacher"
    bound = float(certified[3].split()[4].rstrip(","))
    assert bound < 1e-9


def test_a_streamed_set_is_certified_with_the_labels_of_the_same_sample(
    bench: Command, tmp_path: Path
) -> None:
    """Exact for labelled rows: the moments of all of them, labelled while they are read."""
    path = tmp_path / "set.npz"
    made = bench(
        "distill", CARTPOLE, "--stream", "--method", "exact", "--size", 50, "--output", path,
        "--labels", '{ name = "advantage", when = "before" }',
    )  # fmt: skip
    assert made.status == 0, made.errors
    assert "50 synthetic of 29523 transitions by exact with advantage labels" in made.output
    assert "its teacher saw 16384 of them" in made.output
    metadata = load_arrays(path)[1]
    assert metadata["parameters"]["teacher_rows"] == 16_384
    certified = bench("certify", path, "--against", CARTPOLE).output.splitlines()
    assert certified[0] == "both with advantage labels, by the same teacher"
    assert float(certified[3].split()[4].rstrip(",")) < 1e-9


def test_a_refuted_teacher_is_said_of_its_dataset(
    bench: Command, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, rng = tmp_path / "noise.npz", np.random.default_rng(1)
    rows = random_transitions(rng, 60)
    replace(rows, rewards=rng.normal(size=60)).save(path, {})
    made = bench(
        "distill", path, "--method", "random", "--labels", "advantage", "--size", 10,
        "--discount", 0, "--output", tmp_path / "set.npz",
    )  # fmt: skip
    assert made.status == 0, made.errors
    assert f"dataset {str(path)!r}: teacher 'closed-form' is refuted by the data" in caplog.text


@pytest.mark.slow
def test_labelled_rows_teach_what_recorded_ones_do_not(bench: Command, tmp_path: Path) -> None:
    """Fifty rows and 600 gradient steps; the full data need thousands of either."""
    (tmp_path / "suite.toml").write_text(SUITE)
    ran = bench("run", tmp_path / "suite.toml", "--results", tmp_path / "results", "--jobs", 1)
    assert ran.status == 0, ran.errors
    returns = {
        record.spec.reducer.label: record.headline for record in read_records(tmp_path / "results")
    }
    assert set(returns) == {"stratified", "stratified-advantage", "every-action"}
    for label in ("stratified-advantage", "every-action"):
        assert returns[label] is not None
        assert returns[label] > 2 * (returns["stratified"] or 0) > 0
    verified = bench("verify", tmp_path / "results", "--sample", 3)
    assert verified.status == 0, verified.output


@pytest.mark.parametrize(
    ("dataset", "words", "message"),
    [
        (NO_SIGNAL, ["--labels", "shaped"], "no row terminates and every reward is 1"),
        (CARTPOLE, ["--labels", "advantge"], "did you mean 'advantage'?"),
        (
            CARTPOLE,
            ["--labels", "true"],
            "choose from action-value, advantage, advantage-weight, best-action, module:Class, "
            "recorded, shaped",
        ),
        ("regression/diabetes", ["--labels", "shaped"], "regression has neither rewards"),
        (NO_SIGNAL, ["--labels", "shaped", "--stream"], "sample of 16384 rows': labels 'shaped'"),
        (CARTPOLE, ["--labels", "shaped", "--stream", "--method", "bellman"], "cannot stream"),
        (CARTPOLE, ["--labels", "{ name = "], "are no table of TOML"),
    ],
)
def test_what_cannot_be_labelled_is_refused(
    bench: Command, tmp_path: Path, dataset: str, words: list[str], message: str
) -> None:
    refused = bench("distill", dataset, "--size", 20, "--output", tmp_path / "set.npz", *words)
    assert refused.status == 2
    assert message in refused.errors
    assert len(refused.errors.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_suite_on_data_without_signal_is_refused_at_its_start(
    bench: Command, tmp_path: Path
) -> None:
    (tmp_path / "suite.toml").write_text(SUITE.replace(CARTPOLE, NO_SIGNAL))
    refused = bench("run", tmp_path / "suite.toml", "--results", tmp_path / "results")
    assert refused.status == 2
    assert "no signal" in refused.errors
    assert not (tmp_path / "results" / "records").exists()


def test_what_a_set_teaches_is_certified_without_an_environment(
    bench: Command, tmp_path: Path
) -> None:
    """Labelled rows leave less regret than recorded ones, and evaluate better too."""
    path = tmp_path / "set.npz"
    found = {}
    for labels in ("recorded", "advantage"):
        bench(
            "distill", CARTPOLE, "--method", "random", "--labels", labels, "--size", 50,
            "--output", path,
        )  # fmt: skip
        certified = bench("certify", path, "--against", CARTPOLE, "--learner", "dqn")
        assert certified.status == 0, certified.errors
        text = " ".join(certified.output.splitlines()[-4:])
        assert text.startswith("policy of dqn trained on it, judged by a teacher of the full data")
        numbers = re.search(
            r"regret (\S+) median action gaps, of random actions (\S+) .*teacher in (\S+)%, random "
            r"actions in 50\.0% .*first states by d3rlpy's fitted Q-evaluation: (\S+)",
            text,
        )
        assert numbers, text
        found[labels] = [float(number) for number in numbers.groups()]
    recorded, labelled = found["recorded"], found["advantage"]
    assert labelled[0] < recorded[0] < recorded[1] == labelled[1]
    assert labelled[2] > recorded[2] > 50
    assert labelled[3] > recorded[3]


def test_a_learner_without_gradient_steps_has_no_fitted_q_evaluation(
    bench: Command, tmp_path: Path
) -> None:
    path = tmp_path / "set.npz"
    bench("distill", CARTPOLE, "--method", "stratified", "--size", 50, "--output", path)
    first, again = (
        bench("certify", path, "--against", CARTPOLE, "--learner", "linear-fqi").output
        for _ in range(2)
    )
    assert first == again
    assert "acts as the teacher in" in first.splitlines()[-1]


@pytest.mark.parametrize(
    ("dataset", "learner", "message"),
    [
        (CARTPOLE, "dqm", "unknown learner 'dqm'"),
        (CARTPOLE, "fresh-predictors", "'fresh-predictors' is a metric"),
        ("regression/diabetes", "dqn", "learner 'dqn' for the regression set"),
        (NO_SIGNAL, "dqn", "no row terminates and every reward is 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    bench: Command, tmp_path: Path, dataset: str, learner: str, message: str
) -> None:
    path = tmp_path / "set.npz"
    assert bench("distill", dataset, "--method", "random", "--output", path).status == 0
    refused = bench("certify", path, "--against", dataset, "--learner", learner)
    assert refused.status == 2
    assert message in refused.errors
    assert len(refused.errors.strip().splitlines()) == 1
