from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.formats.played import FIRST_STEPS, played_episodes
from envs.formats.recording import Recording
from envs.loading import open_recording


@pytest.fixture(scope="module")
def pendulum() -> Recording:
    return open_recording("classic/pendulum/mixed-v0")


def test_first_steps_of_episodes_spread_over_the_recording(pendulum: Recording) -> None:
    episodes = played_episodes(pendulum)
    numbers = (0, 50, 99)
    assert [episode.seed for episode in episodes] == [pendulum.seeds[i] for i in numbers]
    for episode, start in zip(episodes, pendulum.episode_starts[list(numbers)], strict=True):
        rows = slice(start, start + FIRST_STEPS)
        np.testing.assert_array_equal(episode.actions, pendulum.actions[rows])
        np.testing.assert_array_equal(episode.rewards, pendulum.rewards[rows])
        np.testing.assert_array_equal(episode.observations[:-1], pendulum.observations[rows])
        np.testing.assert_array_equal(episode.observations[1:], pendulum.next_observations[rows])


def test_short_episodes_end_before_the_next(pendulum: Recording) -> None:
    short = replace(pendulum, episodes=np.arange(len(pendulum)) // 4, seeds=(0,) * 5000)
    assert [len(episode.rewards) for episode in played_episodes(short)] == [4, 4, 4]


def test_without_seeds_or_episodes_there_are_none(pendulum: Recording) -> None:
    assert played_episodes(replace(pendulum, seeds=())) == ()
    assert played_episodes(replace(pendulum, seeds=(None,) * 100)) == ()
    assert played_episodes(replace(pendulum, episodes=None)) == ()
