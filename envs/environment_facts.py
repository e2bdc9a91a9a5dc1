"""What gymnasium says of an environment that a dataset names."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import gymnasium as gym

PROBE_STEPS = 1000


def time_limit(environment_id: str | None) -> int | None:
    """Steps after which an episode is cut off; None: unknown, or never."""
    # Looked up only: a dataset's metadata must not make gymnasium import a module.
    spec = gym.registry.get(environment_id or "")
    return None if spec is None else spec.max_episode_steps


def step_reward(environment_id: str | None) -> float | None:
    """Reward of every step of a random episode; None: they differ, or it cannot be played."""
    if environment_id not in gym.registry:
        return None
    try:
        with closing(gym.make(environment_id, disable_env_checker=True)) as env:
            return _play(env)
    except (gym.error.Error, ImportError):  # what it runs on is not installed
        return None


def _play(env: gym.Env[Any, Any]) -> float | None:
    env.action_space.seed(0)
    env.reset(seed=0)
    rewards = set()
    for _ in range(PROBE_STEPS):
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        rewards.add(float(reward))
        if terminated or truncated:
            break
    return rewards.pop() if len(rewards) == 1 else None
