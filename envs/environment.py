"""Making of gymnasium environments with flat observations, and their properties."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any

import gymnasium as gym
from gymnasium.spaces import Box, Discrete
from gymnasium.wrappers import FlattenObservation

from harness.core.classes.registry import import_module_of
from harness.core.errors import InputError, one_line

logger = logging.getLogger("bellman_bench")

PROBE_STEPS = 1000

Environment = gym.Env[Any, Any]


def register_environment(environment: str) -> str:
    """Import the module that registers an environment named by the user.

    Args:
        environment: ``module:Env-v0``, where ``module`` can be imported or is in the working
            directory, or the id of an environment that is registered.

    Returns:
        The id for `make_environment`.

    Raises:
        InputError: If the module cannot be imported or does not register it.
    """
    module, _, environment_id = environment.rpartition(":")
    if module:
        import_module_of(module, "environment", environment)
    if environment_id not in gym.registry:
        registrar = f"module {module} does not register" if module else "no loaded module registers"
        raise InputError(
            f"environment {environment!r}: {registrar} {environment_id!r}; it must call "
            "gymnasium.register, or be named as module:Env-v0; correct the name"
        )
    return environment_id


def make_environment(environment_id: str) -> Environment:
    """Make one environment; close it after use.

    Ids come from data, which must not cause imports: one that names a module is rejected.

    Raises:
        InputError: If gymnasium does not know it, or a library that it needs is missing.
    """
    if ":" in environment_id:
        raise InputError(
            f"environment {environment_id!r} of a dataset names a module, but a dataset must not "
            "cause imports: name it yourself, by `run --environment` or a suite's "
            "`datasets = [{ id = …, environment = … }]`"
        )
    with _explained(environment_id):
        return _flat(gym.make(environment_id, disable_env_checker=True))


@cache
def spaces_of(environment_id: str) -> tuple[int, Discrete | None]:
    """Return the length of an environment's flat observations, and its actions if discrete.

    Raises:
        InputError: If gymnasium does not know it, or a library that it needs is missing.
    """
    with closing(make_environment(environment_id)) as env:
        shape = env.observation_space.shape or (0,)
        space = env.action_space
        return int(shape[0]), space if isinstance(space, Discrete) else None


def _flat(env: Environment) -> Environment:
    """Flatten observations as the dataset readers do, unless they are vectors."""
    space = env.observation_space
    flat = isinstance(space, Box) and len(space.shape) == 1
    return env if flat else FlattenObservation(env)


@contextmanager
def _explained(environment_id: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Datasets name the version that they were recorded in; newer ones differ.
            warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)
            _hush_mujoco(environment_id)
            yield
    except gym.error.Error as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"environment {environment_id!r} cannot be made ({reason}): install the library that "
            "it needs, bellman-bench[mujoco] for MuJoCo's, or correct environment_id"
        ) from error
    except ImportError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's environment raises
        raise InputError(
            f"environment {environment_id!r} cannot be made ({one_line(error)}): it must be made "
            "without arguments; correct it"
        ) from error


def _hush_mujoco(environment_id: str) -> None:
    """Suppress MuJoCo's warnings, on standard error and in a file in the working directory."""
    spec = gym.registry.get(environment_id)
    if spec is None or "mujoco" not in str(spec.entry_point):
        return
    with suppress(ImportError):  # gymnasium reports it
        import_module("mujoco").set_mju_user_warning(logger.debug)


def time_limit(environment_id: str | None) -> int | None:
    """Steps after which an episode is truncated; None: unknown, or never."""
    # Only looked up: a dataset's metadata must not make gymnasium import a module.
    spec = gym.registry.get(environment_id or "")
    return None if spec is None else spec.max_episode_steps


def step_reward(environment_id: str | None) -> float | None:
    """The constant reward of a random episode; None: rewards differ, or it cannot be run."""
    if environment_id not in gym.registry:
        return None
    try:
        with closing(gym.make(environment_id, disable_env_checker=True)) as env:
            return _play(env)
    except (gym.error.Error, ImportError):  # a library is not installed
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
