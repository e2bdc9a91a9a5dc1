"""Episodes of an environment in compiled code, as long as its digits are gymnasium's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, cast

import gymnasium as gym
import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from envs.environment import make_environment
from harness.core.arrays import BoolArray, Float64Array, IntArray
from harness.core.classes.environments import EnvironmentSpec

PROBES = 2000  # steps by random actions in which a compiled environment must agree with gymnasium

logger = logging.getLogger("bellman_bench")

Step = Callable[[Any, Any, Any, Any, Any], None]

_CLASSIC: Final = "gymnasium.envs.classic_control"
STEPS: Final = {  # functions of `classic`, by the entry point of gymnasium's environment
    f"{_CLASSIC}.cartpole:CartPoleEnv": "step_cartpole",
    f"{_CLASSIC}.mountain_car:MountainCarEnv": "step_mountain_car",
    f"{_CLASSIC}.acrobot:AcrobotEnv": "step_acrobot",
}


@dataclass(frozen=True)
class CompiledEnvironment:
    """An environment whose episodes advance together in compiled code."""

    environment: EnvironmentSpec
    step: Step  # compiled
    observation_space: Space[Any]
    action_space: Space[Any]
    step_limit: int

    def start(self, episodes: int, seed: int) -> Episodes:
        """Begin episodes where gymnasium does, the i-th at ``reset(seed=seed + i)``."""
        states, observations = _first_states(self.environment, episodes, seed)
        return Episodes(self.step, states.copy(), observations.copy())


class Episodes:
    """Episodes that have begun; those that are terminated stay as they are."""

    def __init__(self, step: Step, states: Float64Array, observations: NDArray[np.float32]) -> None:
        self.observations = observations  # (B, obs_dim), changed by each step
        self.rewards = np.zeros(len(states))  # of the last step
        self.terminated: BoolArray = np.zeros(len(states), dtype=np.bool_)  # so far
        self._step = step
        self._states = states

    def step(self, actions: IntArray) -> None:
        """Take an action in each, ``(B,)``."""
        self._step(self._states, actions, self.observations, self.rewards, self.terminated)

    def first(self) -> tuple[Any, ...]:
        """State, observation, last reward and termination of the first episode."""
        return tuple(
            array[0] for array in (self._states, self.observations, self.rewards, self.terminated)
        )


@cache
def compile_environment(environment: EnvironmentSpec) -> CompiledEnvironment | None:
    """Return an environment in compiled code; None if there is none, or its digits differ.

    It is compared with gymnasium once a process, for a library of mathematics elsewhere may round
    otherwise.
    """
    name = STEPS.get(_entry_point(environment))
    if name is None:
        return None
    from envs.dynamics import classic  # imports Numba

    with closing(make_environment(environment)) as env:
        limit = cast(int, cast(Any, env.spec).max_episode_steps)
        spaces = env.observation_space, env.action_space
    compiled = CompiledEnvironment(environment, getattr(classic, name), *spaces, limit)
    if _agrees(compiled):
        return compiled
    logger.warning(
        "%s: compiled steps differ from gymnasium's on this machine; gymnasium evaluates",
        environment,
    )
    return None


def _entry_point(environment: EnvironmentSpec) -> str:
    """Return what makes an environment; empty unless it is made without arguments or wrappers."""
    spec = gym.registry.get(environment.id)
    if spec is None or spec.kwargs or spec.additional_wrappers or not environment.is_plain:
        return ""
    return str(spec.entry_point) if spec.max_episode_steps else ""


@lru_cache(maxsize=64)
def _first_states(
    environment: EnvironmentSpec, episodes: int, seed: int
) -> tuple[Float64Array, NDArray[np.float32]]:
    states, observations = [], []
    with closing(make_environment(environment)) as env:
        for episode in range(episodes):
            observations.append(env.reset(seed=seed + episode)[0])
            states.append(np.array(cast(Any, env.unwrapped).state, dtype=np.float64))
    return np.array(states), np.array(observations, dtype=np.float32)


def _agrees(compiled: CompiledEnvironment) -> bool:
    """Compare every digit of an environment's random episodes with those of gymnasium."""
    rng = np.random.default_rng(0)
    with closing(make_environment(compiled.environment)) as env:
        over = True
        for probe in range(PROBES):
            if over:
                env.reset(seed=probe)
                episodes = compiled.start(1, seed=probe)
            action = int(rng.integers(cast(Any, compiled.action_space).n))
            observation, reward, terminated, truncated, _ = env.step(action)
            episodes.step(np.array([action]))
            expected = cast(Any, env.unwrapped).state, observation, reward, terminated
            if not all(map(np.array_equal, episodes.first(), expected)):
                return False
            over = terminated or truncated
    return True
