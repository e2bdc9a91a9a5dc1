"""Making of gymnasium environments with flat observations, and their properties."""

from __future__ import annotations

import inspect
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from typing import Any, Final, cast

import gymnasium as gym
from gymnasium import wrappers as gymnasium_wrappers
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete
from gymnasium.wrappers import FlattenObservation
from numpy.typing import NDArray

from harness.core.classes.environments import EnvironmentSpec, WrapperSpec
from harness.core.classes.registry import import_module_of
from harness.core.errors import InputError, one_line

logger = logging.getLogger("bellman_bench")

PROBE_STEPS = 1000
NAME_IT: Final = (
    "by `--environment module:Env-v0` or a suite's `datasets = [{ id = …, environment = … }]`"
)
# Modules that an extra needs; the first two are named as gymnasium names groups of environments.
EXTRA_MODULES: Final = {
    "box2d": ("Box2D", "pygame"),
    "mujoco": ("mujoco",),
    "robotics": ("gymnasium_robotics",),
}
# What ids begin with that the extra robotics registers: these alone make its module load.
_ROBOTICS: Final = (
    "AdroitHand",
    "AntMaze_",
    "Fetch",
    "FrankaKitchen-",
    "HandManipulate",
    "HandReach",
    "PointMaze_",
)
# Environments that make whatever others their arguments name.
_MAKERS: Final = ("GymV21Environment-v0", "GymV26Environment-v0")

Environment = gym.Env[Any, Any]
Wrapper = gym.Wrapper[Any, Any, Any, Any]


def register_environment(environment: str) -> str:
    """Import the module that registers an environment named by the user.

    Args:
        environment: ``module:Env-v0``, where ``module`` can be imported or is in the working
            directory, or the id of an environment that is registered.

    Returns:
        Its id in gymnasium's registry.

    Raises:
        InputError: If the module cannot be imported or does not register it.
    """
    module, _, environment_id = environment.rpartition(":")
    if module:
        import_module_of(module, "environment", environment)
    if registered_spec(environment_id) is None:
        registrar = f"module {module} does not register" if module else "no loaded module registers"
        raise InputError(
            f"environment {environment!r}: {registrar} {environment_id!r}; it must call "
            "gymnasium.register, or be named as module:Env-v0; correct the name"
        )
    return environment_id


def registered_spec(environment_id: str) -> EnvSpec | None:
    """Look an environment up, among those of the extra robotics too if it is installed."""
    if environment_id not in gym.registry and environment_id.startswith(_ROBOTICS):
        _register_robotics()
    return gym.registry.get(environment_id)


@cache
def _register_robotics() -> None:
    (module,) = EXTRA_MODULES["robotics"]
    if find_spec(module) is None:
        return
    try:
        with redirect_stderr(StringIO()):  # it tells what other versions of it do
            import_module(module)
    except ImportError as error:
        logger.warning("the environments of %s are missing: %s", module, one_line(error))


def make_environment(environment: EnvironmentSpec) -> Environment:
    """Make one environment; close it after use.

    Environments are named by data, which must not cause imports: an id that names a module is
    rejected, and so is a wrapper that is not gymnasium's.

    Raises:
        InputError: If gymnasium does not know it or a wrapper, or a library that it needs is
            missing.
    """
    if ":" in environment.id or environment.id in _MAKERS:
        raise InputError(
            f"environment {environment.id!r} of a dataset names a module, but a dataset must not "
            f"cause imports: name the environment yourself, {NAME_IT}"
        )
    classes = [find_wrapper(wrapper, environment) for wrapper in environment.wrappers]
    with _explained(environment):
        env: Environment = gym.make(
            environment.id,
            max_episode_steps=environment.max_episode_steps,
            disable_env_checker=True,
            **cast(dict[str, Any], environment.kwargs),
        )
        for found, wrapper in zip(classes, environment.wrappers, strict=True):
            env = found(env, **wrapper.kwargs)
        return _flat(env)


def find_wrapper(wrapper: WrapperSpec, environment: EnvironmentSpec) -> type[Wrapper]:
    """Look a wrapper of an environment up among those that gymnasium has loaded.

    Raises:
        InputError: If it is not there.
    """
    found = vars(gymnasium_wrappers).get(wrapper.name)
    if inspect.isclass(found) and issubclass(found, gym.Wrapper):
        return found
    raise InputError(
        f"environment {environment.id!r} of a dataset has the wrapper {wrapper.name!r}, but a "
        "dataset must not cause imports, and only wrappers of gymnasium.wrappers are applied: "
        f"register an environment that has it, and name that one {NAME_IT}"
    )


@cache
def spaces_of(environment: EnvironmentSpec) -> tuple[Box, gym.Space[Any]]:
    """Return an environment's space of flat observations, and that of its actions.

    Raises:
        InputError: If gymnasium does not know it or a wrapper, a library that it needs is missing,
            or its observations cannot be flattened.
    """
    with closing(make_environment(environment)) as env:
        observations, actions = env.observation_space, env.action_space
    if not isinstance(observations, Box):
        raise InputError(
            f"environment {str(environment)!r} has observations {observations}: they must be "
            "numbers, of one length when flattened; name another environment"
        )
    return observations, actions


def to_actions(space: gym.Space[Any], actions: NDArray[Any]) -> NDArray[Any]:
    """Turn a dataset's actions, or a policy's, into those of an environment.

    Args:
        space: The environment's actions.
        actions: Numbers from 0 ``(B,)``, or vectors ``(B, action_dim)``.

    Returns:
        Numbers from the space's start, or arrays of its shape, in its type.
    """
    if isinstance(space, Discrete):
        return (actions + space.start).astype(space.dtype)
    return actions.reshape(len(actions), *(space.shape or ())).astype(space.dtype)


def time_limit(environment: EnvironmentSpec | None) -> int | None:
    """Steps after which an episode is truncated; None: unknown, or never."""
    if environment is None:
        return None
    # Only looked up: a dataset's metadata must not make gymnasium import a module that it names.
    spec = registered_spec(environment.id)
    return environment.max_episode_steps or (spec.max_episode_steps if spec else None)


def step_reward(environment: EnvironmentSpec | None) -> float | None:
    """The constant reward of a random episode; None: rewards differ, or it cannot be run."""
    if environment is None or registered_spec(environment.id) is None:
        return None
    try:
        with closing(make_environment(environment)) as env:
            return _play(env)
    except InputError:  # such as for a library that is not installed
        return None


def _play(env: Environment) -> float | None:
    env.action_space.seed(0)
    env.reset(seed=0)
    rewards = set()
    for _ in range(PROBE_STEPS):
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        rewards.add(float(reward))
        if terminated or truncated:
            break
    return rewards.pop() if len(rewards) == 1 else None


def _flat(env: Environment) -> Environment:
    """Flatten observations as the dataset readers do, unless they are vectors."""
    space = env.observation_space
    flat = isinstance(space, Box) and len(space.shape) == 1
    return env if flat else FlattenObservation(env)


@contextmanager
def _explained(environment: EnvironmentSpec) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Datasets name the version that they were recorded in; newer ones differ.
            warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)
            _hush(environment.id)
            yield
    except (gym.error.Error, ImportError) as error:
        extra = _missing_extra(environment.id)
        if extra is not None:
            raise InputError(
                f"environment {str(environment)!r} needs the extra {extra}, which is not "
                f"installed: install it with: pip install 'bellman-bench[{extra}]'"
            ) from error
        reason = " ".join(str(error).split())
        raise InputError(
            f"environment {str(environment)!r} cannot be made ({reason}): install the library that "
            f"it needs, or name another, {NAME_IT}"
        ) from error
    except (Exception, SystemExit) as error:  # whatever a user's environment raises
        raise InputError(
            f"environment {str(environment)!r} cannot be made ({one_line(error)}): it must be made "
            "with just the arguments that it is registered with and the dataset gives; correct it"
        ) from error


def _missing_extra(environment_id: str) -> str | None:
    """Return the extra that an environment lacks, if any."""
    maker = _maker_of(environment_id)
    extra = next((name for name in EXTRA_MODULES if maker.startswith(f"gymnasium.envs.{name}")), "")
    if not maker and environment_id.startswith(_ROBOTICS):
        extra = "robotics"
    return extra if not all(map(find_spec, EXTRA_MODULES.get(extra, ()))) else None


def _hush(environment_id: str) -> None:
    """Suppress what libraries say of themselves when an environment is made.

    Box2D's bindings warn, and end the process where warnings are errors; pygame greets on standard
    output; MuJoCo warns on standard error and in a file in the working directory.
    """
    maker = _maker_of(environment_id)
    if "box2d" in maker:
        warnings.simplefilter("ignore", DeprecationWarning)
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if "mujoco" in maker or "robotics" in maker:
        with suppress(ImportError):  # gymnasium reports it
            import_module("mujoco").set_mju_user_warning(logger.debug)


def _maker_of(environment_id: str) -> str:
    """Return what gymnasium makes an environment by; empty if it is not registered."""
    spec = registered_spec(environment_id)
    return "" if spec is None else str(spec.entry_point)
