"""Comparison of a dataset with the environment that it names, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from envs.actions.codebook import Codebook
from envs.dataset import Dataset
from envs.environment import NAME_IT, Environment, make_environment, spaces_of, to_actions
from envs.formats.played import PlayedEpisode, played_episodes
from envs.formats.recording import Recording
from harness.core.arrays import BoolArray, Float64Array, FloatArray, IntArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import blaming
from harness.core.presentation.text import share

CLOSE: Final = 1e-4  # relative; files often hold single precision
BARELY: Final = 1e-5  # absolute


class Finding(NamedTuple):
    """What a comparison shows."""

    refused: bool  # whether a policy learned from the data would be worthless, or fail
    text: str  # a line with the values, the rule and the remedy


@dataclass(frozen=True, eq=False)
class Evidence:
    """What of a dataset can be compared with an environment."""

    observations: FloatArray  # (N, obs_dim)
    actions: IntArray | FloatArray  # (N,) from 0, or continuous (K, action_dim)
    action_count: int | None  # None: continuous
    action_start: int  # the environment's number of action 0; 0 if the data do not say it
    played: Sequence[PlayedEpisode]


def evidence_of(data: Recording | Dataset) -> Evidence:
    """Collect what can be compared; actions that a codebook discretised are given by its codes."""
    rows = data.transitions if isinstance(data, Dataset) else data
    codebook = data.codebook if isinstance(data, Dataset) else _stored_codebook(data)
    start = data.action_start if isinstance(data, Dataset) else data.reference.action_start
    return Evidence(
        observations=rows.observations,
        actions=rows.actions if codebook is None else codebook.codes,
        action_count=(rows.action_count or None) if codebook is None else None,
        action_start=start,
        played=data.played if isinstance(data, Dataset) else played_episodes(data),
    )


def _stored_codebook(recording: Recording) -> Codebook | None:
    stored = recording.reference.codebook
    return None if stored is None else Codebook.from_json(stored, recording.source)


def compare(
    evidence: Evidence,
    environment: EnvironmentSpec,
    recorded_in: EnvironmentSpec,
    *,
    is_named: bool = False,
) -> Iterator[Finding]:
    """Compare a dataset with its environments.

    Args:
        evidence: The dataset.
        environment: Where policies are evaluated.
        recorded_in: Where the rows were recorded.
        is_named: Whether the user named the environment, and so may mean other rewards.

    Yields:
        What does not fit; nothing if all that can be compared agrees.

    Raises:
        InputError: If an environment cannot be made, or fails on a recorded action.
    """
    misfits = list(find_misfits(evidence, environment))
    yield from (Finding(True, text) for text in misfits)
    if misfits:
        return
    yield from (Finding(False, text) for text in _out_of_bounds(evidence, environment))
    for text, is_reward in _replay(evidence.played, recorded_in):
        yield Finding(is_reward and not is_named, text)


def find_misfits(evidence: Evidence, environment: EnvironmentSpec) -> Iterator[str]:
    """Yield a line for whatever makes acting in an environment impossible.

    Raises:
        InputError: If the environment cannot be made.
    """
    observations, actions = spaces_of(environment)
    width, wanted = evidence.observations.shape[1], int(np.prod(observations.shape))
    if width != wanted:
        yield (
            f"observations of {width} numbers, but {environment} has observations of {wanted}: "
            f"name the environment that the data are of {NAME_IT}"
        )
    elif not isinstance(actions, Box if evidence.action_count is None else Discrete):
        discrete = evidence.action_count is not None
        had = "integer actions and no codebook" if discrete else "continuous actions"
        yield (
            f"{had}, but {environment} has {_kind(actions)}: reduce a dataset of that environment "
            f"again, or name the environment that the data are of {NAME_IT}"
        )
    elif isinstance(actions, Discrete):
        yield from _misnumbered(evidence, actions, environment)
    elif evidence.actions.shape[1] != int(np.prod(actions.shape)):
        yield (
            f"actions of {evidence.actions.shape[1]} numbers, but {environment} takes actions of "
            f"{int(np.prod(actions.shape))}: name the environment that the data are of {NAME_IT}"
        )


def _kind(space: Space[Any]) -> str:
    if isinstance(space, Box | Discrete):
        return f"a {'discrete' if isinstance(space, Discrete) else 'continuous'} action space"
    return f"the action space {space}"


def _misnumbered(
    evidence: Evidence, space: Discrete, environment: EnvironmentSpec
) -> Iterator[str]:
    low, high = int(evidence.actions.min()), int(evidence.actions.max())
    count, has = evidence.action_count, f"{environment} has {space.n} actions"
    if high >= space.n and low > 0 and high - low < space.n:
        yield (
            f"actions {low}..{high}, but {has}, which a dataset counts from 0: renumber them from "
            f"0, by subtracting {low}"
        )
    elif high >= space.n:
        yield (
            f"actions {low}..{high}, but {has}, 0..{space.n - 1} in a dataset: correct them, or "
            f"name the environment that the data are of {NAME_IT}"
        )
    elif count is not None and count > space.n:
        yield (
            f"{count} actions by its own account, but {has}: correct the number of actions, or "
            f"name the environment that the data are of {NAME_IT}"
        )
    elif evidence.action_start not in (0, space.start):
        yield (
            f"actions that the environment counts from {evidence.action_start}, but {has}, "
            f"counted from {space.start}: name the environment that the data are of {NAME_IT}"
        )


def _out_of_bounds(evidence: Evidence, environment: EnvironmentSpec) -> Iterator[str]:
    """Yield a line for observations, and one for continuous actions, outside their bounds."""
    spaces = spaces_of(environment)
    pairs = [("observations", evidence.observations, spaces[0])]
    if isinstance(spaces[1], Box):
        pairs.append(("actions", cast(FloatArray, evidence.actions), spaces[1]))
    for noun, values, space in pairs:
        low, high = (np.float64(bound).ravel() for bound in (space.low, space.high))
        outside = _outside(values, low, high)
        rows = np.flatnonzero(outside.any(axis=1))
        if rows.size:
            number = int(outside[rows[0]].argmax())
            yield (
                f"{share(rows.size, len(values), noun)} lie outside the bounds of {environment} "
                f"(the first is row {rows[0]}, number {number}: {values[rows[0], number]:g}, not "
                f"in {low[number]:g}..{high[number]:g}): check their units, or name the "
                f"environment that the data are of {NAME_IT}"
            )


def _outside(values: FloatArray, low: Float64Array, high: Float64Array) -> BoolArray:
    """Whether values ``(N, d)`` lie outside bounds ``(d,)``, but for rounding; NaN does not."""
    outside: BoolArray = (values < low - (BARELY + CLOSE * np.abs(low))) | (
        values > high + (BARELY + CLOSE * np.abs(high))
    )
    return outside


def _replay(
    episodes: Sequence[PlayedEpisode], environment: EnvironmentSpec
) -> Iterator[tuple[str, bool]]:
    """Take recorded actions from recorded seeds, as long as the environment follows the data.

    Yields:
        At most one line, and whether it is about a reward.
    """
    if not episodes:
        return
    failed = f"environment {str(environment)!r} failed on a recorded action"
    with (
        closing(make_environment(environment)) as env,
        blaming(failed, "it must take the actions of its space; correct it"),
    ):
        found = filter(None, (_first_difference(env, episode) for episode in episodes))
        first = next(found, None)
    if first is not None:
        text, is_reward = first
        yield f"replayed in {environment} {text}", is_reward


def _first_difference(env: Environment, episode: PlayedEpisode) -> tuple[str, bool] | None:
    observation, _ = env.reset(seed=episode.seed)
    if not _agree(observation, episode.observations[0]):
        return None  # it draws its states otherwise, as another version may
    where = f"from seed {episode.seed}, step"
    for step, action in enumerate(to_actions(env.action_space, episode.actions)):
        observation, reward, terminated, truncated, _ = env.step(action)
        if not _agree(observation, episode.observations[step + 1]):
            return (
                f"{where} {step} leads elsewhere than recorded: check how actions are numbered, "
                "and whether the data are of that environment in that version"
            ), False
        if np.isfinite(episode.rewards[step]) and not _agree(reward, episode.rewards[step]):
            return (
                f"{where} {step} gives the reward {reward:g}, not {episode.rewards[step]:g} as "
                "recorded: restore the rewards or, if other ones are meant, name the environment "
                f"yourself {NAME_IT}"
            ), True
        if terminated or truncated:
            break
    return None


def _agree(given: Any, recorded: Any) -> bool:
    return bool(np.allclose(given, recorded, rtol=CLOSE, atol=BARELY))
