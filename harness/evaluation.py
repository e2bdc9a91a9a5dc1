"""Evaluation: seeded episodes, every return kept."""

from __future__ import annotations

import gymnasium
import numpy as np
from numpy.typing import NDArray

from harness.learners.protocol import Policy


def evaluate(policy: Policy, environment_id: str, episodes: int, seed: int) -> NDArray[np.float64]:
    """Run episodes in parallel, the i-th from ``reset(seed=seed + i)``.

    Args:
        policy: Acts on the observations of all episodes at once.
        environment_id: A registered gymnasium environment.
        episodes: How many episodes, each in an environment of its own.
        seed: Fixes the first observations and whatever is random in the environments.

    Returns:
        Undiscounted returns, shape ``(episodes,)``.
    """
    environments = gymnasium.make_vec(environment_id, episodes, vectorization_mode="sync")
    try:
        observations, _ = environments.reset(seed=seed)
        returns = np.zeros(episodes)
        running = np.ones(episodes, dtype=bool)
        while running.any():
            actions = policy.act(observations)
            observations, rewards, terminated, truncated, _ = environments.step(actions)
            returns += rewards * running  # finished environments restart; they no longer count
            running &= ~(terminated | truncated)
        return returns
    finally:
        environments.close()
