from __future__ import annotations

import logging
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from envs.actions.codebook import Codebook
from envs.actions.cost import EPISODES
from envs.dataset import Dataset, make_dataset
from envs.formats.recording import Recording
from envs.loading import open_dataset, open_recording
from harness.core.classes.environments import EnvironmentSpec
from harness.core.specs import CodebookSpec
from tests.support.recordings import play

MEDIUM = "classic/pendulum/medium-v0"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return open_recording(MEDIUM)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return open_dataset(MEDIUM, CodebookSpec(size=5))


def played(recording: Recording, codebook: Codebook | None, seed: int) -> float:
    """Return of an episode by a plain loop over distances."""
    scale = recording.observations.std(axis=0, dtype=float)
    env, total = gym.make("Pendulum-v1"), 0.0
    state, _ = env.reset(seed=seed)
    for _ in range(200):
        distances = (((recording.observations - state) / scale) ** 2).sum(axis=1)
        action = recording.actions[distances.argmin()]
        if codebook is not None:
            action = min(codebook.codes, key=lambda code: abs(code[0] - action[0]))
        state, reward, *_ = env.step(np.asarray(action, dtype=np.float32))
        total += float(reward)
    return total


def test_a_neighbours_actions_and_their_codes_are_played_from_the_same_starts(
    recording: Recording, dataset: Dataset
) -> None:
    facts, codebook = dataset.quantisation, dataset.codebook
    assert facts is not None
    own = np.array([played(recording, None, seed) for seed in range(EPISODES)])
    coded = np.array([played(recording, codebook, seed) for seed in range(EPISODES)])
    assert facts["episodes"] == EPISODES
    assert facts["neighbour_return"] == pytest.approx(own.mean())
    assert facts["coded_return"] == pytest.approx(coded.mean())
    error = np.sqrt(np.var(coded - own, ddof=1) / EPISODES)
    assert facts["standard_error"] == pytest.approx(error)


def test_codes_of_all_actions_cost_nothing() -> None:
    facts = make_dataset(play("Pendulum-v1", 0.5, 1), CodebookSpec(size=256)).quantisation
    assert facts is not None
    assert facts["coded_return"] == pytest.approx(facts["neighbour_return"])
    assert facts["standard_error"] == pytest.approx(0)


def test_a_dataset_plays_once(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = dataset.quantisation
    monkeypatch.setattr("envs.actions.cost.codebook_cost", None)
    assert dataset.quantisation is facts


@pytest.mark.parametrize(
    ("environment_id", "message"),
    [
        ("MountainCarContinuous-v0", "observations of 3 numbers and actions of 1, but Mountain"),
        ("CartPole-v1", "CartPole-v1 has observations"),
        ("Nowhere-v0", "cannot be made"),
    ],
)
def test_an_environment_that_is_not_the_datas_gives_nothing_and_says_so(
    dataset: Dataset, environment_id: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="bellman_bench"):
        facts = dataset.in_environment(environment_id).quantisation
    assert facts is not None
    assert "coded_return" not in facts
    (line,) = caplog.messages
    assert message in line


def test_an_episode_without_end_is_cut_off(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    pendulum = replace(gym.spec("Pendulum-v1"), id="Endless-v0", max_episode_steps=None)
    monkeypatch.setitem(gym.registry, "Endless-v0", pendulum)
    monkeypatch.setattr("envs.actions.cost.MOST_STEPS", 50)
    endless = dataset.in_environment("Endless-v0").quantisation
    bounded = EnvironmentSpec(id="Pendulum-v1", max_episode_steps=50)
    fifty = replace(dataset, environment=bounded).quantisation
    assert endless is not None
    assert endless == fifty
