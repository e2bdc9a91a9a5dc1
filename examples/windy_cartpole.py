"""An environment of one's own: CartPole in a steady wind.

bellman-bench run my_suite.toml --environment windy_cartpole:WindyCartPole-v0
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

WIND = np.array([0.0, 0.01, 0.0, 0.0])  # added to the state at every step


class Wind(gym.Wrapper[Any, Any, Any, Any]):
    """Pushes the cart to the right before every step."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Let the wind push, then step."""
        inner: Any = self.unwrapped
        inner.state = np.asarray(inner.state) + WIND
        return super().step(action)


def make_windy_cartpole(**options: Any) -> gym.Env[Any, Any]:
    """Make CartPole with gymnasium's options, in the wind."""
    return Wind(CartPoleEnv(**options))


gym.register("WindyCartPole-v0", entry_point=make_windy_cartpole, max_episode_steps=500)
