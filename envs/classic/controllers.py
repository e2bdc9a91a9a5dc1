"""Behaviour policies of the embedded datasets: scripted controllers with uniform noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.catalogue import Tier
from harness.core.arrays import FloatArray

Action = int | FloatArray  # discrete, or continuous (action_dim,)
Controller = Callable[[FloatArray], Action]

RANDOM_SHARES: dict[Tier, float] = {"random": 1.0, "medium": 0.5, "expert": 0.05}


def balance_pole(observation: FloatArray) -> int:
    """CartPole: push in the direction in which the pole, and a little the cart, is moving."""
    position, velocity, angle, angular_velocity = observation
    return int(angle + 0.5 * angular_velocity + 0.05 * position + 0.1 * velocity > 0)


def rock_car(observation: FloatArray) -> int:
    """MountainCar: push in the direction of motion, which adds energy at every step."""
    return 2 if observation[1] >= 0 else 0


def swing_links(observation: FloatArray) -> int:
    """Acrobot: turn the second joint against the first link's angular velocity."""
    return 0 if observation[4] > 0 else 2


def swing_pendulum(observation: FloatArray) -> FloatArray:
    """Pendulum: swing up by energy control, and balance at the upright position.

    Energy shaping as in Åström and Furuta (2000), and a proportional-derivative law near the top;
    in units in which gravity's share of the acceleration is 15 sin(angle).
    """
    cosine, sine, velocity = observation.astype(np.float64)
    if cosine > 0.9:
        torque = -12 * sine - 3 * velocity
    else:
        missing_energy = 15 - (velocity**2 / 2 + 15 * cosine)
        torque = velocity * missing_energy
    return np.array([np.clip(torque, -2, 2)], dtype=np.float32)


CONTROLLERS: dict[str, Controller] = {
    "CartPole-v1": balance_pole,
    "MountainCar-v0": rock_car,
    "Acrobot-v1": swing_links,
    "Pendulum-v1": swing_pendulum,
}


@dataclass(frozen=True)
class BehaviourPolicy:
    """A controller that is replaced by a uniformly random action at random steps."""

    controller: Controller
    actions: Box | Discrete  # the environment's action space, bounded
    random_share: float  # probability that a step's action is random

    def act(self, observation: FloatArray, rng: np.random.Generator) -> Action:
        """Choose an action for one observation ``(obs_dim,)``."""
        if rng.random() >= self.random_share:
            return self.controller(observation)
        if isinstance(self.actions, Discrete):
            return int(rng.integers(self.actions.n))
        drawn = rng.uniform(self.actions.low, self.actions.high)
        return drawn.astype(self.actions.dtype)


def episode_random_shares(tier: Tier, episodes: int) -> list[float]:
    """Return the share of random actions of each episode of a dataset, in order.

    The mixed tier has random episodes, then medium, then expert ones, split as evenly as possible
    with the larger parts first: 67, 67 and 66 of 200.
    """
    if tier != "mixed":
        return [RANDOM_SHARES[tier]] * episodes
    parts = np.array_split(np.arange(episodes), len(RANDOM_SHARES))
    return [share for share, part in zip(RANDOM_SHARES.values(), parts, strict=True) for _ in part]
