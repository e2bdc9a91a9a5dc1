from __future__ import annotations

from collections import Counter

import minari
import numpy as np
import pytest

from envs.behaviour import CONTROLLERS, RANDOM_SHARES, episode_random_shares
from envs.catalogue import (
    CLASSIC_ENVIRONMENTS,
    TIERS,
    ClassicEnvironment,
    Tier,
    classic_dataset,
    classic_dataset_ids,
)
from envs.collection import collect, collect_episodes
from envs.episodes import Episode

each_environment = pytest.mark.parametrize(
    "environment", CLASSIC_ENVIRONMENTS, ids=lambda environment: environment.environment_id
)


def disagreement(
    environment_id: str, observations: np.ndarray, actions: np.ndarray
) -> tuple[float, int]:
    """Share of steps at which the action is not the controller's, and the number of steps."""
    controller = CONTROLLERS[environment_id]
    differs = [controller(o) != a for o, a in zip(observations, actions, strict=True)]
    return float(np.mean(differs)), len(differs)


def play(environment: ClassicEnvironment, tier: Tier, episodes: int) -> list[Episode]:
    shares = episode_random_shares(tier, episodes)
    return collect_episodes(environment, shares, f"test/{tier}")


def test_every_environment_has_every_tier() -> None:
    assert classic_dataset_ids() == [
        f"classic/{environment}/{tier}-v0"
        for environment in ("cartpole", "mountaincar", "acrobot")
        for tier in ("random", "medium", "expert", "mixed")
    ]
    datasets = [classic_dataset(dataset_id) for dataset_id in classic_dataset_ids()]
    assert Counter(d.environment.episodes for d in datasets if d) == {200: 4, 100: 8}
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
    # A random action still agrees with the controller once in action_count times.
    expected = RANDOM_SHARES[tier] * (1 - 1 / environment.action_count)
    assert measured == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / steps))


@each_environment
def test_returns_rise_from_random_to_expert(environment: ClassicEnvironment) -> None:
    means = {
        tier: np.mean([episode.rewards.sum() for episode in play(environment, tier, 20)])
        for tier in TIERS
    }
    assert means["random"] < means["medium"] < means["expert"]
    assert means["random"] < means["mixed"] < means["expert"]


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
