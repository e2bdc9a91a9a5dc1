"""Suites in the environments of their datasets, by the command line, and what is refused first."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer

from envs.loading import open_dataset
from harness.core.classes.environments import EnvironmentSpec
from harness.core.records import RunRecord, RunResult, read_records
from harness.core.transitions import Transitions
from tests.support.commands import Command
from tests.support.corridor import CORRIDOR

pytestmark = pytest.mark.slow
SUITE = """
name = "placed"
description = "One run."
datasets = ["{dataset}"]
sizes = [20]
seeds = [0]
episodes = 5
reducers = [{{ name = "full" }}]
learners = [{{ name = "linear-fqi" }}]
"""


NOTHING_DUE = "0 runs done, 0 failed, 1 already there"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "datasets").mkdir()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_suite(here: Path, dataset: str) -> Path:
    path = here / "placed.toml"
    path.write_text(SUITE.format(dataset=dataset))
    return path


def returns_in(folder: Path) -> tuple[RunRecord, tuple[float, ...]]:
    (record,) = read_records(folder)
    assert isinstance(record.result, RunResult)
    return record, record.result.checkpoints[-1].returns


def lean(observation: Any, rng: np.random.Generator) -> int:
    return int(rng.integers(2) if rng.random() < 0.3 else observation[2] + observation[3] > 0)


def store(dataset_id: str, env: gymnasium.Env[Any, Any], **metadata: Any) -> None:
    """Store thirty episodes of CartPole by Minari alone."""
    rng, episodes = np.random.default_rng(0), []
    for seed in range(30):
        steps: list[tuple[Any, ...]] = []
        observations, over = [env.reset(seed=seed)[0]], False
        while not over:
            action = lean(observations[-1], rng)
            observation, reward, terminated, truncated, _ = env.step(action)
            observations.append(observation)
            steps.append((action, float(reward), terminated, truncated))
            over = terminated or truncated
        actions, rewards, terminations, truncations = map(np.array, zip(*steps, strict=True))
        episodes.append(
            EpisodeBuffer(
                seed=seed,
                observations=np.array(observations),
                actions=actions,
                rewards=rewards,
                terminations=terminations,
                truncations=truncations,
                infos={},
            )
        )
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        minari.create_dataset_from_buffers(
            dataset_id, buffer=episodes, env=env.spec, ref_min_score=0, ref_max_score=9, **metadata
        )


@pytest.mark.parametrize(
    ("made", "bounds"),
    [({"sutton_barto_reward": True}, (-1, 0)), ({"max_episode_steps": 12}, (1, 12))],
)
@pytest.mark.parametrize("engine", ["d3rlpy", "fast"])
def test_policies_are_evaluated_in_the_environment_that_was_recorded(
    bench: Command, here: Path, made: dict[str, Any], bounds: tuple[float, float], engine: str
) -> None:
    store("own/pole-v0", gymnasium.make("CartPole-v1", **made))
    suite = write_suite(here, "own/pole-v0")
    done = bench("run", suite, "--results", here / "out", "--engine", engine)
    assert done.status == 0, done.errors
    record, returns = returns_in(here / "out")
    assert bounds[0] <= min(returns) <= max(returns) <= bounds[1]
    assert record.schema_version == 7
    assert record.result is not None
    limit = made.get("max_episode_steps")
    kwargs = {} if limit else made
    expected = EnvironmentSpec(id="CartPole-v1", kwargs=kwargs, max_episode_steps=limit)
    assert record.result.dataset.environment == expected
    assert f"environment {expected}" in bench("inspect", "own/pole-v0").output.replace("  ", "")

    set_path = here / "set.npz"
    assert bench("distill", "own/pole-v0", "--size", "20", "--output", set_path).status == 0
    assert open_dataset(str(set_path)).environment == expected
    assert bench("distill", set_path, "--size", "5", "--output", "again/set-v0").status == 0
    played = minari.load_dataset("again/set-v0").recover_environment().spec
    assert played is not None
    assert (played.kwargs, played.max_episode_steps) == (kwargs, limit or 500)


def test_another_evaluation_environment_is_not_the_same_study(bench: Command, here: Path) -> None:
    """The rows are equal: only the dataset's own word on where policies are evaluated changes."""
    store("own/pole-v0", gymnasium.make("CartPole-v1"))
    suite = write_suite(here, "own/pole-v0")
    assert bench("run", suite, "--results", here / "out").status == 0
    record, _ = returns_in(here / "out")
    assert record.schema_version == 6
    assert "environment_spec" not in record.model_dump_json()
    assert NOTHING_DUE in bench("run", suite, "--results", here / "out").output
    metadata = here / "datasets" / "own" / "pole-v0" / "data" / "metadata.json"
    content = json.loads(metadata.read_text())
    spec = {**json.loads(content["env_spec"]), "max_episode_steps": 60}
    metadata.write_text(json.dumps({**content, "eval_env_spec": json.dumps(spec)}))
    refused = bench("run", suite, "--results", here / "out")
    assert refused.status == 2
    assert "of the environment 'CartPole-v1, max_episode_steps=60', but record" in refused.errors
    assert "was evaluated in 'CartPole-v1': results in two environments" in refused.errors


def corridor_rows(towards: int) -> dict[str, Any]:
    """Random walks, as a file holds them that counts actions from 0."""
    rng = np.random.default_rng(4)
    places, actions = rng.integers(-9, 10, 900).astype(float), rng.integers(0, 3, 900)
    ones = np.ones(900)
    return {
        "observations": np.column_stack([places, ones]),
        "actions": actions,
        "rewards": towards * (actions - 1.0),
        "next_observations": np.column_stack([places + actions - 1, ones]),
        "terminations": np.zeros(900, dtype=bool),
    }


@pytest.mark.parametrize("learner", ["linear-fqi", "bc"])
def test_actions_are_given_back_as_the_environment_counts_them(
    bench: Command, here: Path, learner: str
) -> None:
    (here / "corridor_walks.py").write_text(CORRIDOR)
    rows = corridor_rows(1)
    if learner == "bc":  # what is imitated always goes right
        rows |= {"actions": np.full(900, 2), "rewards": np.ones(900)}
    scores = {"reference_min": 0.0, "reference_max": 10.0}
    metadata = {"environment_id": "Corridor-v0", "action_count": 3, **scores}
    np.savez(here / "walks.npz", metadata=json.dumps(metadata), **rows)
    suite = write_suite(here, "walks.npz")
    steps = '"bc", parameters = { steps = 300, checkpoints = 1 }'
    suite.write_text(
        suite.read_text().replace('"linear-fqi"', steps if learner == "bc" else '"linear-fqi"')
    )
    named = ("--environment", "corridor_walks:Corridor-v0")
    done = bench("run", suite, "--results", here / "out", *named)
    assert done.status == 0, done.errors
    assert returns_in(here / "out")[1] == (10.0,) * 5


@pytest.mark.parametrize(
    ("environment_id", "change", "rule"),
    [
        ("MountainCar-v0", {"actions": 1}, "actions 1..3, but MountainCar-v0 has 3 actions"),
        ("Acrobot-v1", {}, "observations of 2 numbers, but Acrobot-v1 has observations of 6"),
        ("MountainCarContinuous-v0", {}, "integer actions and no codebook"),
        ("{trap}:Any-v0", {}, "a dataset must not cause imports: name the environment yourself"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_anything_runs(
    bench: Command, here: Path, environment_id: str, change: dict[str, int], rule: str
) -> None:
    (here / "trap_of_suites.py").write_text("raise SystemExit('imported')")
    rng = np.random.default_rng(0)
    names = {
        "environment_id": environment_id.replace("{trap}", "trap_of_suites"),
        "reference_min": -200.0,
        "reference_max": -100.0,
    }
    np.savez(
        here / "cars.npz",
        observations=rng.uniform(-0.05, 0.05, (60, 2)),
        next_observations=rng.uniform(-0.05, 0.05, (60, 2)),
        actions=rng.integers(0, 3, 60) + change.get("actions", 0),
        rewards=-np.ones(60),
        terminations=np.arange(60) % 20 == 19,
        metadata=json.dumps(names),
    )
    refused = bench("run", write_suite(here, "cars.npz"), "--results", here / "out")
    assert refused.status == 2
    assert rule in refused.errors
    assert len(refused.errors.splitlines()) == 1
    assert not (here / "out").exists()
    converted = bench("convert", "cars.npz", "--output", "own/cars-v0")
    assert converted.status == 0
    assert rule in bench("inspect", "cars.npz").output
    assert "trap_of_suites" not in sys.modules


def noise(seed: int) -> Transitions:
    rng = np.random.default_rng(seed)
    return Transitions(
        observations=rng.uniform(-0.2, 0.2, (50, 4)),
        actions=rng.integers(0, 2, 50),
        rewards=np.ones(50),
        next_observations=rng.uniform(-0.2, 0.2, (50, 4)),
        terminations=np.arange(50) % 10 == 9,
        weights=np.ones(50),
        action_count=2,
    )


def test_a_replaced_dataset_is_noticed_though_nothing_is_due(bench: Command, here: Path) -> None:
    names = {"environment_id": "CartPole-v1", "reference_min": 0.0, "reference_max": 9.0}
    noise(0).save(here / "noise.npz", names)
    command = ("run", write_suite(here, "noise.npz"), "--results", here / "out")
    assert bench(*command).status == 0
    before = {path: path.read_bytes() for path in (here / "out" / "records").iterdir()}

    assert NOTHING_DUE in bench(*command).output
    noise(1).save(here / "noise.npz", names)
    noticed = bench(*command)
    assert noticed.status == 2
    assert "'noise.npz' has hash" in noticed.errors
    assert len(noticed.errors.splitlines()) == 1
    assert {path: path.read_bytes() for path in (here / "out" / "records").iterdir()} == before
    noise(0).save(
        here / "noise.npz",
        {**names, "environment_spec": {"id": "CartPole-v1", "max_episode_steps": 9}},
    )
    moved = bench(*command)
    assert moved.status == 2
    assert "'CartPole-v1, max_episode_steps=9', but record" in moved.errors
    (here / "noise.npz").unlink()
    assert NOTHING_DUE in bench(*command).output  # there is nothing to compare with
