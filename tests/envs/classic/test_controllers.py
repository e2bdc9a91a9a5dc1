from __future__ import annotations

from collections import Counter

import gymnasium as gym
import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from envs.catalogue import (
    CLASSIC_ENVIRONMENTS,
    TIERS,
    ClassicEnvironment,
    Tier,
    classic_dataset,
    classic_dataset_ids,
)
from envs.classic.collect import collect, collect_episodes
from envs.classic.controllers import (
    CONTROLLERS,
    RANDOM_SHARES,
    BehaviourPolicy,
    episode_random_shares,
)
from envs.formats.episodes import Episode

each_environment = pytest.mark.parametrize(
    "environment", CLASSIC_ENVIRONMENTS, ids=lambda environment: environment.environment_id
)


def disagreement(
    environment_id: str, observations: np.ndarray, actions: np.ndarray
) -> tuple[float, int]:
    """Share of steps at which the action is not the controller's, and the number of steps."""
    controller = CONTROLLERS[environment_id]
    differs = [np.any(controller(o) != a) for o, a in zip(observations, actions, strict=True)]
    return float(np.mean(differs)), len(differs)


def play(environment: ClassicEnvironment, tier: Tier, episodes: int) -> list[Episode]:
    shares = episode_random_shares(tier, episodes)
    return collect_episodes(environment, shares, f"test/{tier}")


def test_every_environment_has_every_tier() -> None:
    assert classic_dataset_ids() == [
        f"classic/{environment}/{tier}-v0"
        for environment in ("cartpole", "mountaincar", "acrobot", "pendulum")
        for tier in ("random", "medium", "expert", "mixed")
    ]
    datasets = [classic_dataset(dataset_id) for dataset_id in classic_dataset_ids()]
    assert Counter(d.environment.episodes for d in datasets if d) == {200: 4, 100: 12}
    assert classic_dataset("classic/cartpole/perfect-v0") is None


@pytest.mark.parametrize("episodes", [200, 100, 3])
def test_mixed_tier_is_equal_parts_in_order(episodes: int) -> None:
    shares = episode_random_shares("mixed", episodes)
    counts = Counter(shares)
    assert len(shares) == episodes
    assert shares == sorted(shares, reverse=True)
    assert set(counts) == {1.0, 0.5, 0.05}
    assert max(counts.values()) - min(counts.values()) <= 1


@each_environment
@pytest.mark.parametrize("tier", ["random", "medium", "expert"])
def test_actions_are_random_as_often_as_the_tier_says(
    environment: ClassicEnvironment, tier: Tier
) -> None:
    episodes = play(environment, tier, 10)
    observations = np.concatenate([episode.observations[:-1] for episode in episodes])
    actions = np.concatenate([episode.actions for episode in episodes])
    measured, steps = disagreement(environment.environment_id, observations, actions)
    # A random action still agrees with the controller once in as many times as there are actions.
    space = gym.spec(environment.environment_id).make().action_space
    agreeing = 1 / space.n if isinstance(space, Discrete) else 0
    expected = RANDOM_SHARES[tier] * (1 - agreeing)
    assert measured == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / steps))


@each_environment
def test_returns_rise_from_random_to_expert(environment: ClassicEnvironment) -> None:
    means = {
        tier: np.mean([episode.rewards.sum() for episode in play(environment, tier, 20)])
        for tier in TIERS
    }
    assert means["random"] < means["medium"] < means["expert"]
    assert means["random"] < means["mixed"] < means["expert"]


def test_random_continuous_actions_fill_the_space() -> None:
    space = Box(np.array([-3, 0], np.float32), np.array([1, 5], np.float32))
    policy = BehaviourPolicy(CONTROLLERS["Pendulum-v1"], space, random_share=1)
    rng = np.random.default_rng(0)
    drawn = np.array([policy.act(np.zeros(3, np.float32), rng) for _ in range(4000)])
    assert drawn.dtype == np.float32
    assert all(space.contains(action) for action in drawn)
    np.testing.assert_allclose(drawn.mean(axis=0), [-1, 2.5], atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), np.array([4, 5]) / np.sqrt(12), atol=0.1)


def test_the_pendulum_ends_upright() -> None:
    environment = next(e for e in CLASSIC_ENVIRONMENTS if e.environment_id == "Pendulum-v1")
    for episode in play(environment, "expert", 10):
        assert episode.observations[-50:, 0].mean() > 0.9  # cosine of the angle from the top


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
        assert measured == pytest.approx(RANDOM_SHARES[tier] / 2, abs=0.05), tier  # type: ignore[index]
