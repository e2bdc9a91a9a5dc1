"""Continuous actions as they are: distilled, run, evaluated and refused, without a codebook."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from envs.loading import open_dataset
from harness.core.records import RunResult, read_records
from harness.learners import fitted_q_evaluation
from tests.support.commands import Command

PENDULUM = "classic/pendulum/medium-v0"
BY_ADVANTAGE = ("best-action", "advantage-weight")
SHORT = "{ steps = 40, checkpoints = 1 }"
TEACHER = (
    '{ name = "learner", parameters = { members = 1, '
    f'learner = {{ name = "td3+bc", parameters = {SHORT} }} }} }}'
)
BEST_ACTION = f'{{ name = "best-action", teacher = {TEACHER} }}'


def suite(reducers: str, learners: str, codebook: str = "") -> str:
    return f"""
name = "torques"
description = ""
datasets = ["{PENDULUM}"]
sizes = [40]
seeds = [0]
discount = 0.9
episodes = 2
{codebook}
{reducers}
{learners}
"""


def reducer(name: str, more: str = "") -> str:
    return f'[[reducers]]\nname = "{name}"\n{more}\n'


def learner(name: str) -> str:
    return f'[[learners]]\nname = "{name}"\nparameters = {SHORT}\n'


@pytest.mark.parametrize("codebook", ["", 'codebook = { method = "bins", size = 5 }'])
def test_sets_are_learned_from_and_policies_played(
    bench: Command, tmp_path: Path, codebook: str
) -> None:
    """With a codebook the same learners are given its codes, and a teacher labels and judges."""
    arms = reducer("random") + reducer("k-centre") + reducer("random", 'control = "permuted"')
    if codebook:
        arms = "".join(reducer("random", f'labels = "{name}"') for name in BY_ADVANTAGE)
        arms += reducer("random", f'labels = "{BY_ADVANTAGE[0]}"\ncontrol = "constant"')
    learners = learner("bc-continuous") + learner("td3+bc")
    path = tmp_path / "torques.toml"
    path.write_text(suite(arms, learners, codebook))
    done = bench("run", path, "--results", tmp_path / "results")
    assert done.status == 0, done.errors
    records = list(read_records(tmp_path / "results"))
    assert len(records) == 6
    for record in records:
        assert isinstance(record.result, RunResult)
        assert (record.result.use is None) == (codebook == "")
        assert (record.result.dataset.quantisation is None) == (codebook == "")
        assert all(-2000 < value < 0 for value in record.result.checkpoints[-1].returns)


@pytest.mark.parametrize(
    ("arm", "judge", "subject"),
    [
        (reducer("exact"), learner("iql"), "method 'exact'"),
        (reducer("random", 'labels = "advantage"'), learner("iql"), "labels 'advantage'"),
        (reducer("random", 'labels = "best-action"'), learner("iql"), "teacher 'closed-form'"),
        (reducer("random"), learner("dqn"), "learner 'dqn'"),
        (reducer("random"), '[[learners]]\nname = "fresh-predictors"', "metric 'fresh-predictors'"),
    ],
)
def test_what_needs_numbers_is_refused_before_anything_runs(
    bench: Command, tmp_path: Path, arm: str, judge: str, subject: str
) -> None:
    path = tmp_path / "torques.toml"
    path.write_text(suite(arm, judge))
    done = bench("run", path, "--results", tmp_path / "results")
    assert done.status == 2
    remedy = "name a teacher" if subject.startswith("teacher") else "give a codebook"
    line = f"{subject}: actions must be discrete, and these are vectors of 1 numbers; {remedy}"
    assert line in done.errors
    assert not list((tmp_path / "results").glob("records/*.json"))


def test_a_learner_of_continuous_actions_is_refused_discrete_ones(
    bench: Command, tmp_path: Path
) -> None:
    path = tmp_path / "carts.toml"
    path.write_text(suite(reducer("random"), learner("td3+bc")).replace("pendulum", "cartpole"))
    done = bench("run", path, "--results", tmp_path / "results")
    assert done.status == 2
    assert "learner 'td3+bc': actions must be continuous, and these are 2 discrete" in done.errors


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["whole", "streamed"])
def test_a_set_keeps_rows_as_they_were_recorded(
    bench: Command, tmp_path: Path, stream: list[str]
) -> None:
    path = tmp_path / "set.npz"
    made = bench(
        "distill", PENDULUM, "--method", "stratified", "--size", 30, "--output", path, *stream
    )
    assert made.status == 0, made.errors
    kept, source = open_dataset(str(path)), open_dataset(PENDULUM).transitions
    assert kept.transitions.is_continuous
    rows = {row.tobytes() for row in np.column_stack([source.observations, source.actions])}
    found = np.column_stack([kept.transitions.observations, kept.transitions.actions])
    assert len(found) == 30
    assert {row.tobytes() for row in found} <= rows


def test_a_minari_dataset_of_them_is_read_back(bench: Command, tmp_path: Path) -> None:
    arguments = ("distill", PENDULUM, "--method", "random", "--size", 20, "--output")
    assert bench(*arguments, "uncoded/torques-v0").status == 0
    assert bench(*arguments, tmp_path / "set.npz").status == 0
    ours, theirs = open_dataset("uncoded/torques-v0"), open_dataset(str(tmp_path / "set.npz"))
    np.testing.assert_array_equal(ours.transitions.actions, theirs.transitions.actions)
    assert ours.environment == theirs.environment


def test_they_are_shared_without_a_certificate(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    assert (
        bench("distill", PENDULUM, "--method", "random", "--size", 9, "--output", path).status == 0
    )
    share = ("share", path, "--output", "uncoded/shared-v0", "--licence", "mit")
    refused = bench(*share, "--against", PENDULUM)
    assert refused.status == 2
    assert refused.errors.splitlines()[-1].endswith("no certificates: leave --against out")
    shared = bench(*share)
    assert shared.status == 0, shared.errors
    card = Path(shared.output.partition(": ")[2].partition(", with")[0]) / "README.md"
    assert "3 numbers an observation, actions of 1 number." in card.read_text(encoding="utf-8")


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["whole", "streamed"])
def test_an_actor_labels_them_with_what_to_imitate(
    bench: Command, tmp_path: Path, stream: list[str]
) -> None:
    """Only the actions change, and a set of them is learned from by cloning."""
    command = ("distill", PENDULUM, "--method", "random", "--size", 30, *stream)
    plain, labelled = (tmp_path / name for name in ("plain.npz", "labelled.npz"))
    assert bench(*command, "--output", plain).status == 0
    done = bench(*command, "--labels", BEST_ACTION, "--output", labelled)
    assert done.status == 0, done.errors
    before, after = (open_dataset(str(path)).transitions for path in (plain, labelled))
    np.testing.assert_array_equal(before.observations, after.observations)
    np.testing.assert_array_equal(before.rewards, after.rewards)
    assert after.actions.shape == before.actions.shape
    assert np.abs(after.actions).max() <= 2.0
    assert not np.isclose(before.actions, after.actions).any()


@pytest.mark.parametrize("name", BY_ADVANTAGE)
def test_all_the_data_are_labelled_as_they_are(bench: Command, tmp_path: Path, name: str) -> None:
    labels = f'{{ name = "{name}", teacher = {TEACHER} }}'
    path = tmp_path / "all.npz"
    done = bench("distill", PENDULUM, "--method", "full", "--labels", labels, "--output", path)
    assert done.status == 0, done.errors
    rows, source = (open_dataset(one).transitions for one in (str(path), PENDULUM))
    assert len(rows) == len(source)
    assert np.array_equal(rows.actions, source.actions) == (name == "advantage-weight")
    assert (np.ptp(rows.weights) > 0) == (name == "advantage-weight")


def test_labels_of_them_are_refused_by_name(bench: Command, tmp_path: Path) -> None:
    for stream in ([], ["--stream"]):
        command = ("distill", PENDULUM, "--method", "random", "--labels", "advantage", *stream)
        refused = bench(*command, "--output", tmp_path / "set.npz")
        assert refused.status == 2
        assert "labels 'advantage'" in refused.errors.splitlines()[-1]
        assert PENDULUM in refused.errors.splitlines()[-1]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in D4RL's layout that names no environment: actions near 3 s pay."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(601, 2)).astype(np.float32)
    actions = rng.uniform(-4, 4, size=(600, 1)).astype(np.float32)
    path = tmp_path / "log.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"], file["next_observations"] = states[:-1], states[1:]
        file["actions"], file["rewards"] = actions, -np.abs(actions[:, 0] - 3 * states[:-1, 0])
        file["terminals"] = np.zeros(600, bool)
        file["timeouts"] = np.arange(1, 601) % 20 == 0
    return path


def test_a_log_without_environment_is_certified_by_a_learner(
    bench: Command, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitted_q_evaluation, "EVALUATION_STEPS", 100)
    few = tmp_path / "few.npz"
    made = bench("distill", log, "--method", "random", "--size", 50, "--output", few)
    assert made.status == 0, made.errors
    bare = bench("certify", few, "--against", log)
    assert bare.status == 2
    assert "continuous actions: losses of Q-functions are compared over discrete" in bare.errors
    done = bench("certify", few, "--against", log, "--learner", "bc-continuous")
    assert done.status == 0, done.errors
    assert "50 transitions against 600, discount 0.99" in done.output
    assert "discounted return from first states by d3rlpy's fitted Q-evaluation" in done.output
    assert "regret" not in done.output


@pytest.mark.parametrize("level", [0.0, 4.0])
def test_the_actor_that_labelled_them_judges_unless_its_data_refute_it(
    bench: Command, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: float
) -> None:
    """Forty steps do not teach a critic the mean of rewards, which is −3 at level 0."""
    monkeypatch.setattr(fitted_q_evaluation, "EVALUATION_STEPS", 100)
    with h5py.File(log, "r+") as file:
        file["rewards"][:] += level
    few = tmp_path / "few.npz"
    command = ("distill", log, "--method", "random", "--size", 50, "--discount", 0.5)
    assert bench(*command, "--labels", BEST_ACTION, "--output", few).status == 0
    done = bench("certify", few, "--against", log, "--learner", "bc-continuous")
    if not level:
        assert done.status == 2
        assert "to judge a policy it must be below 1" in done.errors.splitlines()[-1]
        return
    assert done.status == 0, done.errors
    told = re.search(r"regret, as the .* it, (\S+) median action gaps, .* (\S+)\n", done.output)
    assert told is not None
    assert float(told[1]) < 0.3 < float(told[2])  # cloning the actor loses little to its critic
    assert "discounted return from first states" in done.output


def test_an_uncoded_set_is_not_certified_against_discrete_data(
    bench: Command, log: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few.npz"
    assert bench("distill", log, "--method", "random", "--size", 9, "--output", few).status == 0
    done = bench("certify", few, "--against", "classic/cartpole/medium-v0", "--learner", "iql")
    assert done.status == 2
    assert "has continuous actions, but the actions of" in done.errors
