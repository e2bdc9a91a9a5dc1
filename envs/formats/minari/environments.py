"""Environments as Minari keeps them, which is as gymnasium describes them."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any, Final

from gymnasium import wrappers as gymnasium_wrappers
from gymnasium.envs.registration import EnvSpec
from gymnasium.envs.registration import WrapperSpec as GymnasiumWrapperSpec
from gymnasium.spaces import Discrete

from envs.environment import NAME_IT, find_wrapper, registered_spec, spaces_of, time_limit
from envs.reference import Reference, name_environments
from harness.core.classes.environments import EnvironmentSpec, WrapperSpec
from harness.core.errors import InputError, one_line

# Wrappers that change nothing of what a policy sees, does or gets.
_ONLOOKERS: Final = (
    *("PassiveEnvChecker", "OrderEnforcing", "RecordEpisodeStatistics"),
    *("RecordVideo", "RenderCollection", "HumanRendering"),
)
_RENDERING: Final = "render_mode"  # an argument that changes nothing of these either


def read_environments(recorded_in: EnvSpec | None, evaluated: EnvSpec | None) -> dict[str, Any]:
    """Return the fields of a `Reference` for a dataset's ``env_spec`` and ``eval_env_spec``.

    Raises:
        AttributeError, TypeError, ValueError: If one is malformed.
    """
    source = None if recorded_in is None else to_environment_spec(recorded_in)
    return name_environments(
        source if evaluated is None else to_environment_spec(evaluated), source
    )


def describe_environments(reference: Reference) -> tuple[EnvSpec | None, EnvSpec | None]:
    """Return a dataset's ``env_spec`` and ``eval_env_spec``; inverse of `read_environments`.

    Raises:
        InputError: If one cannot be made here, or was registered with what no JSON can hold.
    """
    own = reference.environment
    evaluated = None if own is None else to_gymnasium_spec(own)
    if reference.recorded_in is None:
        return evaluated, evaluated
    return to_gymnasium_spec(reference.recorded_in), evaluated


def to_environment_spec(spec: EnvSpec) -> EnvironmentSpec:
    """Return what of gymnasium's description of an environment differs from the registered one.

    Rendering, and wrappers that only check or record, are left out. No module that it names is
    imported.

    Raises:
        AttributeError, TypeError, ValueError: If the description is malformed.
    """
    own = registered_spec(spec.id) or EnvSpec(spec.id)
    wrappers, registered = tuple(spec.additional_wrappers), own.additional_wrappers
    if wrappers[: len(registered)] == registered:
        wrappers = wrappers[len(registered) :]
    limit = spec.max_episode_steps
    return EnvironmentSpec(
        id=spec.id,
        kwargs={
            name: value
            for name, value in spec.kwargs.items()
            if name != _RENDERING
            and not (name in own.kwargs and _as_json(own.kwargs[name]) == value)
        },
        max_episode_steps=None if limit == own.max_episode_steps else limit,
        wrappers=tuple(_named(wrapper) for wrapper in wrappers if wrapper.name not in _ONLOOKERS),
    )


def to_gymnasium_spec(environment: EnvironmentSpec) -> EnvSpec:
    """Return gymnasium's description of an environment, which can be written as JSON.

    Raises:
        InputError: If it cannot be made here, or was registered with what no JSON can hold.
    """
    spaces_of(environment)  # it can be made
    spec = deepcopy(registered_spec(environment.id))
    if spec is None:  # gymnasium has guessed a version
        raise InputError(
            f"environment {environment.id!r} is not registered: a file names one as registered, "
            f"with its version; name that one {NAME_IT}"
        )
    spec.kwargs |= environment.kwargs
    spec.max_episode_steps = time_limit(environment)
    spec.additional_wrappers += tuple(
        _described(each, environment) for each in environment.wrappers
    )
    try:
        spec.to_json()
    except (TypeError, ValueError) as error:
        raise InputError(
            f"environment {environment.id!r} cannot be written to a file ({one_line(error)}): "
            "register it with an entry point 'module:Class' and arguments that JSON can hold, or "
            "write an .npz"
        ) from error
    return spec


def with_action_start(reference: Reference) -> Reference:
    """Fill in where the environment's discrete actions start, unless the source has said it.

    Raises:
        InputError: If the environment cannot be made.
    """
    environment = reference.source_environment
    if environment is None or reference.action_start:
        return reference
    actions = spaces_of(environment)[1]
    start = int(actions.start) if isinstance(actions, Discrete) else 0
    return reference.model_copy(update={"action_start": start})


def _as_json(value: Any) -> Any:
    """Return a registered argument as a file would hold it."""
    return json.loads(json.dumps(value, default=repr))


def _named(wrapper: GymnasiumWrapperSpec) -> WrapperSpec:
    own = wrapper.entry_point.startswith(f"{gymnasium_wrappers.__name__}.")
    name = wrapper.name if own else wrapper.entry_point
    return WrapperSpec(name=name, kwargs=wrapper.kwargs or {})  # None: they were not kept


def _described(wrapper: WrapperSpec, environment: EnvironmentSpec) -> GymnasiumWrapperSpec:
    module = find_wrapper(wrapper, environment).__module__
    return GymnasiumWrapperSpec(wrapper.name, f"{module}:{wrapper.name}", wrapper.kwargs)
