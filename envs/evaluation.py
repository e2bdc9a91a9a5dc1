"""Policy evaluation: the returns of seeded episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from envs.dynamics.episodes import CompiledEnvironment
from envs.environment import Environment, make_environment, to_actions
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError
from harness.core.learner import ContinuousPolicy, Policy


def evaluate(
    policy: Policy | ContinuousPolicy,
    environment: EnvironmentSpec | CompiledEnvironment,
    episodes: int,
    seed: int,
) -> NDArray[np.float64]:
    """Run evaluation episodes in parallel, the i-th from ``reset(seed=seed + i)``.

    Args:
        policy: Maps the observations of all episodes at once, flattened where they are not
        vectors, to actions: numbers from 0 wherever the environment counts from, or flat vectors,
        which are clipped to the bounds of the environment's actions.
        environment: A gymnasium environment, or one in compiled code.
        episodes: Number of episodes, each in its own environment.
        seed: Fixes the initial observations and all randomness of the environments.

    Returns:
        Undiscounted returns, shape ``(episodes,)``.

    Raises:
        InputError: If the environment cannot be made.
    """
    if isinstance(environment, CompiledEnvironment):
        return _play_compiled(policy, environment, episodes, seed)
    with ExitStack() as stack:
        environments = [
            stack.enter_context(closing(make_environment(environment))) for _ in range(episodes)
        ]
        return _play(policy, environments, seed)


def _checked(actions: Any, space: Space[Any], count: int) -> NDArray[Any]:
    """Turn what a policy returned into actions of the environment.

    Raises:
        InputError: If it is not what a policy returns.
    """
    discrete = isinstance(space, Discrete)
    shape = (count,) if discrete else (count, math.prod(space.shape or ()))
    array = actions if isinstance(actions, np.ndarray) else np.empty(0, dtype=object)
    if array.dtype.kind not in ("iu" if discrete else "iuf") or array.shape != shape:
        found = f"{array.dtype} of shape {array.shape}" if array is actions else repr(actions)
        kind = "integers" if discrete else "numbers"
        raise InputError(
            f"the policy returned {found:.80} for {count} observations: act returns an array of "
            f"{kind} of shape {shape}; correct the learner's policy"
        )
    low, high = array.min(), array.max()
    if not np.isfinite([low, high]).all() or (
        isinstance(space, Discrete) and not 0 <= low <= high < space.n
    ):
        numbered = ", which a policy numbers from 0" if discrete else ""
        raise InputError(
            f"the policy returned actions from {low} to {high}: the environment takes "
            f"{space}{numbered}; correct the learner's policy"
        )
    return to_actions(space, _in_bounds(array, space))


def _in_bounds(actions: NDArray[Any], space: Space[Any]) -> NDArray[Any]:
    """Clip continuous actions ``(B, action_dim)`` to the bounds of their space."""
    if not isinstance(space, Box):
        return actions
    clipped: NDArray[Any] = np.clip(actions, space.low.ravel(), space.high.ravel())
    return clipped


def _play(
    policy: Policy | ContinuousPolicy, environments: Sequence[Environment], seed: int
) -> NDArray[np.float64]:
    spaces = environments[0].observation_space, environments[0].action_space
    first = [environment.reset(seed=seed + i)[0] for i, environment in enumerate(environments)]
    observations, returns = np.array(first, dtype=spaces[0].dtype), np.zeros(len(environments))
    running: Sequence[int] = range(len(environments))
    while running:
        # finished episodes stay in the batch: an action's last bits may depend on its size
        actions = _checked(policy.act(observations), spaces[1], len(observations))
        over = set()
        for i in running:
            observations[i], reward, terminated, truncated, _ = environments[i].step(actions[i])
            returns[i] += reward
            if terminated or truncated:
                over.add(i)
        running = [i for i in running if i not in over]
    return returns


def _play_compiled(
    policy: Policy | ContinuousPolicy, environment: CompiledEnvironment, count: int, seed: int
) -> NDArray[np.float64]:
    episodes, returns = environment.start(count, seed), np.zeros(count)
    for _ in range(environment.step_limit):
        actions = policy.act(episodes.observations)
        episodes.step(_checked(actions, environment.action_space, count))
        returns += episodes.rewards
        if episodes.terminated.all():
            break
    return returns
