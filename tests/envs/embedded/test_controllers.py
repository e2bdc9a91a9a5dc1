from __future__ import annotations

from collections import Counter

import gymnasium as gym
import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from envs.catalogue import (
    EMBEDDED_ENVIRONMENTS,
    TIERS,
    EmbeddedEnvironment,
    Tier,
    embedded_dataset,
    embedded_dataset_ids,
)
from envs.embedded.behaviour import Behaviour
from envs.embedded.collect import collect, collect_episodes
from envs.embedded.controllers import swing_pendulum
from envs.embedded.tiers import BEHAVIOURS, episode_behaviours
from envs.formats.episodes import Episode
from tests.support.embedded import needs

ENVIRONMENTS = {each.environment_id: each for each in EMBEDDED_ENVIRONMENTS}
CLASSIC = [each for each in EMBEDDED_ENVIRONMENTS if each.namespace.startswith("classic/")]
SHARES: dict[Tier, float] = {"random": 1.0, "medium": 0.5, "expert": 0.05}

each_environment = pytest.mark.parametrize(
    "environment", CLASSIC, ids=lambda environment: environment.environment_id
)


def disagreement(
    environment_id: str, observations: np.ndarray, actions: np.ndarray
) -> tuple[float, int]:
    """Share of steps at which the action is not the controller's, and the number of steps."""
    controller = BEHAVIOURS[environment_id]["expert"].controller
    differs = [np.any(controller(o) != a) for o, a in zip(observations, actions, strict=True)]
    return float(np.mean(differs)), len(differs)


def play(environment: EmbeddedEnvironment, tier: Tier, episodes: int) -> list[Episode]:
    behaviours = episode_behaviours(environment, tier, episodes)
    return collect_episodes(environment, behaviours, f"test/{tier}")


def test_every_environment_has_every_tier() -> None:
    assert embedded_dataset_ids()[:16] == [
        f"classic/{environment}/{tier}-v0"
        for environment in ("cartpole", "mountaincar", "acrobot", "pendulum")
        for tier in ("random", "medium", "expert", "mixed")
    ]
    datasets = [embedded_dataset(dataset_id) for dataset_id in embedded_dataset_ids()[:16]]
    assert Counter(dataset.episodes for dataset in datasets if dataset) == {200: 4, 100: 12}
    assert embedded_dataset("classic/cartpole/perfect-v0") is None
    assert set(BEHAVIOURS) == set(ENVIRONMENTS)


def test_no_embedded_id_is_one_of_the_hub() -> None:
    """There, datasets of these environments lie in `mujoco/`, those of D4RL in `D4RL/`."""
    assert {dataset_id.partition("/")[0] for dataset_id in embedded_dataset_ids()} == {
        "classic",
        "box2d",
        "mujoco-bench",
    }


@pytest.mark.parametrize("episodes", [200, 100, 3])
def test_mixed_tier_is_equal_parts_in_order(episodes: int) -> None:
    behaviours = episode_behaviours(ENVIRONMENTS["CartPole-v1"], "mixed", episodes)
    shares = [behaviour.random_share for behaviour in behaviours]
    counts = Counter(shares)
    assert shares == sorted(shares, reverse=True)
    assert set(counts) == {1.0, 0.5, 0.05}
    assert max(counts.values()) - min(counts.values()) <= 1


@each_environment
@pytest.mark.parametrize("tier", ["random", "medium", "expert"])
def test_actions_are_random_as_often_as_the_tier_says(
    environment: EmbeddedEnvironment, tier: Tier
) -> None:
    episodes = play(environment, tier, 10)
    observations = np.concatenate([episode.observations[:-1] for episode in episodes])
    actions = np.concatenate([episode.actions for episode in episodes])
    measured, steps = disagreement(environment.environment_id, observations, actions)
    # A random action still agrees with the controller once in as many times as there are actions.
    space = gym.spec(environment.environment_id).make().action_space
    agreeing = 1 / space.n if isinstance(space, Discrete) else 0
    expected = SHARES[tier] * (1 - agreeing)
    assert measured == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / steps))


@each_environment
def test_returns_rise_from_random_to_expert(environment: EmbeddedEnvironment) -> None:
    means = {
        tier: np.mean([episode.rewards.sum() for episode in play(environment, tier, 20)])
        for tier in TIERS
    }
    assert means["random"] < means["medium"] < means["expert"]
    assert means["random"] < means["mixed"] < means["expert"]


def test_random_continuous_actions_fill_the_space() -> None:
    space = Box(np.array([-3, 0], np.float32), np.array([1, 5], np.float32))
    behaviour = Behaviour(swing_pendulum, random_share=1)
    rng = np.random.default_rng(0)
    drawn = np.array([behaviour.act(np.zeros(3, np.float32), space, rng) for _ in range(4000)])
    assert drawn.dtype == np.float32
    assert all(space.contains(action) for action in drawn)
    np.testing.assert_allclose(drawn.mean(axis=0), [-1, 2.5], atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), np.array([4, 5]) / np.sqrt(12), atol=0.1)


def test_the_pendulum_ends_upright() -> None:
    for episode in play(ENVIRONMENTS["Pendulum-v1"], "expert", 10):
        assert episode.observations[-50:, 0].mean() > 0.9  # cosine of the angle from the top


@needs("box2d")
def test_the_lander_comes_to_rest_on_both_legs() -> None:
    episodes = play(ENVIRONMENTS["LunarLander-v3"], "expert", 20)
    landed = [
        episode.observations[-1, 6:].all() and episode.terminations[-1] for episode in episodes
    ]
    assert np.mean(landed) > 0.8


@needs("mujoco")
def test_the_arm_ends_at_its_target() -> None:
    scripted = Behaviour(BEHAVIOURS["Reacher-v5"]["expert"].controller, random_share=0.0)
    episodes = collect_episodes(ENVIRONMENTS["Reacher-v5"], [scripted] * 20, "test/reach")
    distances = [np.linalg.norm(episode.observations[-1, -2:]) for episode in episodes]
    assert np.median(distances) < 0.01  # of an arm 0.21 long


@needs("mujoco")
@pytest.mark.parametrize("environment_id", ["InvertedPendulum-v5", "InvertedDoublePendulum-v5"])
def test_pendulums_stay_up_as_long_as_they_are_not_pushed(environment_id: str) -> None:
    scripted = Behaviour(BEHAVIOURS[environment_id]["expert"].controller, random_share=0.0)
    (episode,) = collect_episodes(ENVIRONMENTS[environment_id], [scripted], "test/balance")
    assert episode.truncations[-1]


@pytest.mark.usefixtures("empty_root")
def test_stored_mixed_set_holds_the_three_parts() -> None:
    collect("classic/cartpole/mixed-v0")
    episodes = list(minari.load_dataset("classic/cartpole/mixed-v0").iterate_episodes())
    assert len(episodes) == 200
    for tier, part in {
        "random": slice(0, 67),
        "medium": slice(67, 134),
        "expert": slice(134, 200),
    }.items():
        observations = np.concatenate([episode.observations[:-1] for episode in episodes[part]])
        actions = np.concatenate([episode.actions for episode in episodes[part]])
        measured, _ = disagreement("CartPole-v1", observations, actions)
        assert measured == pytest.approx(SHARES[tier] / 2, abs=0.05), tier  # type: ignore[index]
