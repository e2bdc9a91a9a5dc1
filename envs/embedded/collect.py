"""Collection of the embedded datasets from fixed seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.catalogue import (
    EmbeddedDataset,
    EmbeddedEnvironment,
    Tier,
    embedded_dataset,
    embedded_dataset_ids,
)
from envs.embedded.behaviour import Behaviour
from envs.embedded.tiers import episode_behaviours
from envs.environment import Environment, make_environment
from envs.formats.episodes import Episode
from envs.formats.hdf5.d4rl_tasks import find_task
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
    dataset = embedded_dataset(dataset_id)
    if dataset is None:
        raise unknown_name("embedded dataset", dataset_id, embedded_dataset_ids())
    if is_collected(dataset_id):
        return minari_store.datasets_root() / dataset_id
    return _collect(dataset)


def collect_episodes(
    environment: EmbeddedEnvironment, behaviours: Sequence[Behaviour], identity: str
) -> list[Episode]:
    """Collect one episode of each behaviour policy.

    Args:
        environment: The environment.
        behaviours: The policy of each episode.
        identity: The purpose of the episodes; the seeds of reset and behaviour are derived from it
            and the episode's number.

    Returns:
        The episodes, each ended by termination or by the environment's time limit.

    Raises:
        InputError: If the environment cannot be made, as without the library that it needs.
    """
    episodes = []
    with closing(make_environment(EnvironmentSpec(id=environment.environment_id))) as env:
        for number, behaviour in enumerate(behaviours):
            seed = derive_seed("reset", identity, number)
            rng = stream("behaviour", identity, number)
            episodes.append(play_episode(env, behaviour, seed, rng))
    return episodes


@cache
def _reference_scores(environment: EmbeddedEnvironment) -> tuple[float, float]:
    """Return the mean returns of the random and the expert tier over 100 episodes, or D4RL's.

    The seeds are derived from the environment alone: all its datasets share these scores.
    """
    task = find_task(f"{environment.name}-expert")
    if task is not None:
        return task.reference_min, task.reference_max
    return _mean_return(environment, "random"), _mean_return(environment, "expert")


def _mean_return(environment: EmbeddedEnvironment, tier: Tier) -> float:
    behaviours = episode_behaviours(environment, tier, REFERENCE_EPISODES)
    identity = f"reference/{environment.environment_id}/{tier}"
    episodes = collect_episodes(environment, behaviours, identity)
    return float(np.mean([episode.rewards.sum() for episode in episodes]))


def _collect(dataset: EmbeddedDataset) -> Path:
    environment = dataset.environment
    behaviours = episode_behaviours(environment, dataset.tier, dataset.episodes)
    episodes = collect_episodes(environment, behaviours, dataset.dataset_id)
    low, high = _reference_scores(environment)
    return minari_store.write_dataset(
        dataset.dataset_id,
        episodes,
        Reference(environment_id=environment.environment_id, reference_min=low, reference_max=high),
        algorithm=f"{behaviours[-1].origin} with uniform noise ({dataset.tier})",
        description=_describe(dataset, behaviours),
    )


def _describe(dataset: EmbeddedDataset, behaviours: Sequence[Behaviour]) -> str:
    parts = ", ".join(
        f"{count} by a {each.origin} with random share {each.random_share}"
        + f" within {each.spread} of the bounds" * (each.spread < 1)
        for each, count in Counter(behaviours).items()
    )
    return (
        f"{len(behaviours)} episodes of {dataset.environment.environment_id}, in which each action "
        f"is replaced by a uniformly random one with a fixed probability: {parts}. "
        "Collected by bellman-bench."
    )


def play_episode(
    env: Environment, behaviour: Behaviour, seed: int, rng: np.random.Generator
) -> Episode:
    """Run one episode, until termination or the environment's time limit.

    Args:
        env: The environment, with bounded or discrete actions.
        behaviour: The policy.
        seed: Seed of the environment's reset.
        rng: Draws the policy's random actions.
    """
    actions_space = cast("Box | Discrete", env.action_space)
    observation, _ = env.reset(seed=seed)
    observations, steps, over = [observation], [], False
    while not over:
        action = behaviour.act(observation, actions_space, rng)
        observation, reward, terminated, truncated, _ = env.step(action)
        observations.append(observation)
        steps.append((action, float(reward), terminated, truncated))
        over = terminated or truncated
    actions, rewards, terminations, truncations = map(np.array, zip(*steps, strict=True))
    return Episode(np.array(observations), actions, rewards, terminations, truncations, seed)
