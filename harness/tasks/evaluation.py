"""Evaluation: seeded episodes, every return kept."""

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
    """Run episodes in parallel, the i-th from ``reset(seed=seed + i)``.

    Args:
        policy: Acts on the observations of all episodes at once, flattened where they are not
            vectors, with the environment's own actions.
        environment_id: A registered gymnasium environment.
        episodes: How many episodes, each in an environment of its own.
        seed: Fixes the first observations and whatever is random in the environments.

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
        # the policy sees the finished too: batches of one size make one action of an observation
        actions = policy.act(observations).astype(spaces[1].dtype)
        over = set()
        for i in running:
            observations[i], reward, terminated, truncated, _ = environments[i].step(actions[i])
            returns[i] += reward
            if terminated or truncated:
                over.add(i)
        running = [i for i in running if i not in over]
    return returns
