"""An environment whose actions are -1, 0 and 1, to be written into a module of the user's."""

from __future__ import annotations

CORRIDOR = '''
"""Walk to the right, or to the left: each step towards it pays 1."""
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete


class Corridor(gymnasium.Env):
    def __init__(self, towards=1):
        self.towards = towards
        self.observation_space = Box(-99, 99, (2,), np.float32)
        self.action_space = Discrete(3, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(-5, 6))
        return self.seen(), {}

    def seen(self):
        return np.array([self.place, 1], dtype=np.float32)

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"no such action: {action!r}")
        self.place += int(action)
        return self.seen(), float(action * self.towards), False, False, {}


gymnasium.register("Corridor-v0", entry_point="corridor_walks:Corridor", max_episode_steps=10)
'''
