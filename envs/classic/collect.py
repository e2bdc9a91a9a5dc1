"""Collection of the embedded datasets from fixed seeds, with equal data on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.catalogue import (
    ClassicDataset,
    ClassicEnvironment,
    Tier,
    classic_dataset,
    classic_dataset_ids,
)
from envs.classic.controllers import CONTROLLERS, BehaviourPolicy, episode_random_shares
from envs.environment import Environment, make_environment
from envs.formats.episodes import Episode
from envs.formats.minari import store as minari_store
from envs.reference import Reference
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import unknown_name
from harness.core.seeding import derive_seed, stream

REFERENCE_EPISODES = 100


def is_collected(dataset_id: str) -> bool:
    """Whether a dataset with that id is in the local Minari folder.

    Raises:
        InputError: If the id is invalid.
    """
    return minari_store.is_stored(dataset_id)


def collect(dataset_id: str) -> Path:
    """Collect an embedded dataset into the local Minari folder, unless it is already there.

    Returns:
        The dataset's folder.

    Raises:
        InputError: If no embedded dataset has that id, or the folder cannot be written.
    """
    dataset = classic_dataset(dataset_id)
    if dataset is None:
        raise unknown_name("embedded dataset", dataset_id, classic_dataset_ids())
    if is_collected(dataset_id):
        return minari_store.datasets_root() / dataset_id
    return _collect(dataset)


def collect_episodes(
    environment: ClassicEnvironment, random_shares: Sequence[float], identity: str
) -> list[Episode]:
    """Collect one episode for each random share.

    Args:
        environment: The environment.
        random_shares: Probability of a random action, for each episode.
        identity: The purpose of the episodes; the seeds of reset and behaviour are derived from it
        and the episode's number.

    Returns:
        The episodes, each ended by termination or by the environment's time limit.
    """
    controller = CONTROLLERS[environment.environment_id]
    episodes = []
    with closing(make_environment(EnvironmentSpec(id=environment.environment_id))) as env:
        actions = cast("Box | Discrete", env.action_space)  # of every classic environment
        for number, share in enumerate(random_shares):
            policy = BehaviourPolicy(controller, actions, share)
            seed = derive_seed("reset", identity, number)
            rng = stream("behaviour", identity, number)
            episodes.append(play_episode(env, policy, seed, rng))
    return episodes


@cache
def _reference_scores(environment: ClassicEnvironment) -> tuple[float, float]:
    """Return the mean returns of the random and the expert tier over 100 episodes.

    The seeds are derived from the environment alone: all its datasets share these scores.
    """
    return _mean_return(environment, "random"), _mean_return(environment, "expert")


def _mean_return(environment: ClassicEnvironment, tier: Tier) -> float:
    shares = episode_random_shares(tier, REFERENCE_EPISODES)
    identity = f"reference/{environment.environment_id}/{tier}"
    episodes = collect_episodes(environment, shares, identity)
    return float(np.mean([episode.rewards.sum() for episode in episodes]))


def _collect(dataset: ClassicDataset) -> Path:
    environment = dataset.environment
    shares = episode_random_shares(dataset.tier, environment.episodes)
    episodes = collect_episodes(environment, shares, dataset.dataset_id)
    low, high = _reference_scores(environment)
    return minari_store.write_dataset(
        dataset.dataset_id,
        episodes,
        Reference(environment_id=environment.environment_id, reference_min=low, reference_max=high),
        algorithm=f"scripted controller with uniform noise ({dataset.tier})",
        description=_describe(dataset, shares),
    )


def _describe(dataset: ClassicDataset, shares: Sequence[float]) -> str:
    parts = ", ".join(
        f"{shares.count(share)} with random share {share}" for share in dict.fromkeys(shares)
    )
    return (
        f"{len(shares)} episodes of {dataset.environment.environment_id}, played by a scripted "
        f"controller that takes a uniformly random action with a fixed probability: {parts}. "
        "Collected by bellman-bench."
    )


def play_episode(
    env: Environment, policy: BehaviourPolicy, seed: int, rng: np.random.Generator
) -> Episode:
    """Run one episode, until termination or the environment's time limit.

    Args:
        env: The environment.
        policy: The behaviour policy.
        seed: Seed of the environment's reset.
        rng: Draws the policy's random actions.
    """
    observation, _ = env.reset(seed=seed)
    observations, steps, over = [observation], [], False
    while not over:
        action = policy.act(observation, rng)
        observation, reward, terminated, truncated, _ = env.step(action)
        observations.append(observation)
        steps.append((action, float(reward), terminated, truncated))
        over = terminated or truncated
    actions, rewards, terminations, truncations = map(np.array, zip(*steps, strict=True))
    return Episode(np.array(observations), actions, rewards, terminations, truncations, seed)
