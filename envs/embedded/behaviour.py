"""Behaviour policies: controllers with uniform noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from harness.core.arrays import FloatArray

Action = int | FloatArray  # discrete, or continuous (action_dim,)
Controller = Callable[[FloatArray], Action]


@dataclass(frozen=True)
class Behaviour:
    """A controller that is replaced by a uniformly random action at random steps."""

    controller: Controller
    random_share: float  # probability that a step's action is random
    spread: float = 1.0  # of random continuous actions, about zero, as a share of the space's
    origin: str = "scripted controller"  # what the controller is

    def act(
        self, observation: FloatArray, actions: Box | Discrete, rng: np.random.Generator
    ) -> Action:
        """Choose an action for one observation ``(obs_dim,)``.

        Args:
            observation: The observation.
            actions: The environment's action space, bounded.
            rng: Draws whether the action is random, and which.
        """
        if rng.random() >= self.random_share:
            return self.controller(observation)
        if isinstance(actions, Discrete):
            return int(rng.integers(actions.n))
        drawn = rng.uniform(self.spread * actions.low, self.spread * actions.high)
        return drawn.astype(actions.dtype)
