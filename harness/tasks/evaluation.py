"""Policy evaluation: the returns of seeded episodes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

import numpy as np
from numpy.typing import NDArray

from envs.environment import Environment, make_environment
from harness.core.learner import ContinuousPolicy, Policy


def evaluate(
    policy: Policy | ContinuousPolicy, environment_id: str, episodes: int, seed: int
) -> NDArray[np.float64]:
    """Run evaluation episodes in parallel, the i-th from ``reset(seed=seed + i)``.

    Args:
        policy: Maps the observations of all episodes at once, flattened where they are not
        vectors, to actions of the environment.
        environment_id: A registered gymnasium environment.
        episodes: Number of episodes, each in its own environment.
        seed: Fixes the initial observations and all randomness of the environments.

    Returns:
        Undiscounted returns, shape ``(episodes,)``.

    Raises:
        InputError: If the environment cannot be made.
    """
    with ExitStack() as stack:
        environments = [
            stack.enter_context(closing(make_environment(environment_id))) for _ in range(episodes)
        ]
        return _play(policy, environments, seed)


def _play(
    policy: Policy | ContinuousPolicy, environments: Sequence[Environment], seed: int
) -> NDArray[np.float64]:
    spaces = environments[0].observation_space, environments[0].action_space
    first = [environment.reset(seed=seed + i)[0] for i, environment in enumerate(environments)]
    observations, returns = np.array(first, dtype=spaces[0].dtype), np.zeros(len(environments))
    running: Sequence[int] = range(len(environments))
    while running:
        # finished episodes stay in the batch: an action's last bits may depend on its size
        actions = policy.act(observations).astype(spaces[1].dtype)
        over = set()
        for i in running:
            observations[i], reward, terminated, truncated, _ = environments[i].step(actions[i])
            returns[i] += reward
            if terminated or truncated:
                over.add(i)
        running = [i for i in running if i not in over]
    return returns
