from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from envs.actions.codebook import Codebook, fit_codebook
from envs.actions.replay import REPLAYED, PlayedEpisode, played_episodes, quantised_returns
from envs.formats.recording import Recording
from envs.loading import open_dataset, open_recording
from harness.core.classes.environments import EnvironmentSpec
from harness.core.specs import CodebookSpec

MIXED = "classic/pendulum/mixed-v0"  # random, then medium, then expert episodes


@pytest.fixture(scope="module")
def pendulum() -> Recording:
    return open_recording(MIXED)


def play(episodes: Sequence[PlayedEpisode], codebook: Codebook) -> list[float]:
    """Returns with the nearest codes, by a plain loop."""
    env, returns = gym.make("Pendulum-v1"), []
    for episode in episodes:
        env.reset(seed=episode.seed)
        total = 0.0
        for action in episode.actions:
            nearest = min(codebook.codes, key=lambda code: abs(code[0] - action[0]))
            total += float(env.step(nearest.astype(np.float32))[1])
        returns.append(total)
    return returns


def test_recorded_actions_give_recorded_returns_and_codes_give_their_own(
    pendulum: Recording,
) -> None:
    episodes = played_episodes(pendulum, 4)
    codebook = fit_codebook(pendulum.actions.astype(float), CodebookSpec(size=5))
    found = quantised_returns(EnvironmentSpec(id="Pendulum-v1"), episodes, codebook)
    assert found is not None
    assert found.episodes == 4
    assert found.recorded == pytest.approx(np.mean([e.recorded_return for e in episodes]))
    assert found.quantised == pytest.approx(np.mean(play(episodes, codebook)))
    assert abs(found.quantised - found.recorded) > 1


def test_episodes_are_spread_over_the_recording(pendulum: Recording) -> None:
    episodes = played_episodes(pendulum, 3)
    starts = pendulum.episode_starts
    assert [episode.seed for episode in episodes] == [pendulum.seeds[i] for i in (0, 50, 99)]
    returns = np.add.reduceat(pendulum.rewards, starts)[[0, 50, 99]]
    np.testing.assert_allclose([e.recorded_return for e in episodes], returns)
    assert len({e.seed for e in played_episodes(pendulum, 1000)}) == 100


def test_without_seeds_or_episodes_nothing_can_be_replayed(pendulum: Recording) -> None:
    assert played_episodes(replace(pendulum, seeds=())) == ()
    assert played_episodes(replace(pendulum, seeds=(None,) * 100)) == ()
    assert played_episodes(replace(pendulum, episodes=None)) == ()


@pytest.mark.parametrize(
    ("environment_id", "message"),
    [
        ("MountainCarContinuous-v0", "does not reproduce its recorded episodes"),
        ("Nowhere-v0", "cannot be made"),
    ],
)
def test_an_environment_that_does_not_replay_gives_nothing_and_says_so(
    pendulum: Recording,
    environment_id: str,
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    codebook = fit_codebook(pendulum.actions.astype(float), CodebookSpec(size=5))
    with caplog.at_level(logging.WARNING, logger="bellman_bench"):
        environment = EnvironmentSpec(id=environment_id)
        assert quantised_returns(environment, played_episodes(pendulum, 2), codebook) is None
    assert message in caplog.text


def test_a_dataset_replays_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(MIXED, CodebookSpec(method="bins", size=5))
    facts = dataset.quantisation
    assert facts is not None
    assert facts["codes"] == 5
    assert 0 < facts["variance_share"] < 0.1
    assert facts["replayed_episodes"] == REPLAYED
    assert facts["quantised_return"] < facts["recorded_return"]
    monkeypatch.setattr("envs.dataset.quantised_returns", None)
    assert dataset.quantisation is facts
