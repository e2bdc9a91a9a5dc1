"""Recorded episodes, and their concatenation to rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.arrays import BoolArray, FloatArray, IntArray, as_float
from harness.core.errors import InputError
from harness.core.transitions import Transitions

_NO_REFERENCE: Final = Reference()


@dataclass(frozen=True, eq=False)
class Episode:
    """An episode of T steps with T+1 observations."""

    observations: FloatArray  # (T+1, obs_dim)
    actions: IntArray | FloatArray  # (T,) from 0, or continuous (T, action_dim)
    rewards: FloatArray  # (T,)
    terminations: BoolArray  # (T,)
    truncations: BoolArray  # (T,)
    seed: int | None = None  # of the environment's reset
    weights: FloatArray | None = None  # (T,) of the steps; None: all one


def join_episodes(
    episodes: Sequence[Episode],
    obs_dim: int,
    action_count: int | None,
    source: str,
    first: int = 0,
    reference: Reference = _NO_REFERENCE,
) -> Recording:
    """Concatenate the steps of episodes in memory; see `fill_rows`."""
    rows = sum(np.shape(episode.actions)[0] for episode in episodes)
    return fill_rows(episodes, rows, obs_dim, action_count, source, first, reference)


def fill_rows(
    episodes: Iterable[Episode],
    rows: int,
    obs_dim: int,
    action_count: int | None,
    source: str,
    first: int = 0,
    reference: Reference = _NO_REFERENCE,
) -> Recording:
    """Concatenate the steps of all episodes: T rows per episode, of weight one unless given.

    Every step becomes a row, including truncated ones; only terminations end bootstrapping. Arrays
    are allocated once, and at most one episode is in memory besides them.

    Args:
        episodes: Episodes whose actions are integers from 0, or continuous.
        rows: Total number of steps.
        obs_dim: Dimension of an observation.
        action_count: Number of actions of the environment; None: continuous.
        source: The dataset, for error messages.
        first: Number of the first episode in its dataset.
        reference: The environment and the scores, as far as known.

    Raises:
        InputError: If there is no episode, one breaks a rule of `check_episode`, or the total
        number of steps is not ``rows``.
    """
    arrays: dict[str, Any] = {}
    seeds: list[int | None] = []
    filled = 0
    for seed, columns in _checked_columns(episodes, obs_dim, action_count is None, source, first):
        arrays = arrays or _allocate(columns, rows, source)
        begin, filled = filled, filled + len(columns["actions"])
        if filled > rows:
            raise _other_count(source, rows, f"{filled} or more")
        _fill(arrays, slice(begin, filled), columns)
        seeds.append(seed)
    if not seeds:
        raise no_episode(source)
    if filled < rows:
        raise _other_count(source, rows, str(filled))
    return Recording(
        source=source,
        **arrays,
        action_count=action_count,
        reference=reference,
        seeds=() if set(seeds) == {None} else tuple(seeds),
    )


def no_episode(source: str) -> InputError:
    """Build the error for a dataset without an episode."""
    return InputError(f"{source!r} holds no episode: at least one is needed; collect some first")


def misshapen(
    where: str, name: str, found: tuple[int, ...], steps: int, wanted: tuple[int, ...]
) -> InputError:
    """Build the error for an array of an episode whose shape does not fit its steps."""
    return InputError(
        f"{where}: {name} of shape {found}, but {steps} actions need {wanted}; "
        "write that episode again or drop it"
    )


def one_step_episodes(transitions: Transitions) -> Iterator[Episode]:
    """Turn each row into an episode of one step, with its weight.

    Rows that do not terminate are truncated.
    """
    for row in range(len(transitions)):
        here = slice(row, row + 1)
        yield Episode(
            observations=np.stack(
                [transitions.observations[row], transitions.next_observations[row]]
            ),
            actions=transitions.actions[here],
            rewards=transitions.rewards[here],
            terminations=transitions.terminations[here],
            truncations=~transitions.terminations[here],
            weights=transitions.weights[here],
        )


def check_episode(
    episode: Episode, obs_dim: int, where: str, action_dim: int | None = None
) -> None:
    """Check that the arrays of an episode are consistent.

    Args:
        episode: The episode.
        obs_dim: Dimension of an observation.
        where: Dataset and episode, for error messages.
        action_dim: Dimension of an action; None: actions are discrete.

    Raises:
        InputError: If there is no step, an array has the wrong length, discrete actions are not
        integers, a flag is neither 0 nor 1, or a step before the last is flagged as terminated.
    """
    numbered = action_dim is None
    steps = int(np.size(episode.actions)) if numbered else len(episode.actions)
    if steps == 0:
        raise InputError(f"{where}: no actions, but an episode has at least one step; drop it")
    wanted: dict[str, tuple[int, ...]] = {"observations": (steps + 1, obs_dim)}
    wanted["actions"] = (steps,) if action_dim is None else (steps, action_dim)
    wanted |= dict.fromkeys(("rewards", "terminations", "truncations"), (steps,))
    if episode.weights is not None:
        wanted["weights"] = (steps,)
    for name, shape in wanted.items():
        found = np.shape(getattr(episode, name))
        if found != shape:
            raise misshapen(where, name, found, steps, shape)
    _check_values(episode, where, numbered)


def _check_values(episode: Episode, where: str, numbered: bool) -> None:
    if numbered and episode.actions.dtype.kind not in "iu":
        raise InputError(
            f"{where}: actions of type {episode.actions.dtype}, but the space says Discrete: they "
            "must be integers; correct the space, or discretise them first"
        )
    for name in ("terminations", "truncations"):
        flags = getattr(episode, name)
        if flags.dtype != np.bool_ and not np.isin(flags, (0, 1)).all():
            raise InputError(f"{where}: {name} hold more than 0 and 1; convert them to flags")
    early = np.flatnonzero(episode.terminations[:-1])
    if early.size:
        raise InputError(
            f"{where}: step {early[0]} of {len(episode.actions)} is flagged terminated, but only "
            "the last step may be; split the episode there"
        )


def _checked_columns(
    episodes: Iterable[Episode], obs_dim: int, continuous: bool, source: str, first: int
) -> Iterator[tuple[int | None, dict[str, NDArray[Any]]]]:
    """Yield each episode's seed and rows; the first one defines the dimension of actions."""
    action_dim: int | None = None
    for number, episode in enumerate(episodes, first):
        if continuous and action_dim is None:
            action_dim = episode.actions.shape[1] if episode.actions.ndim > 1 else 1
        where = f"{source!r}, episode {number}"
        check_episode(episode, obs_dim, where, action_dim)
        yield episode.seed, _columns(episode, number, where)


def _columns(episode: Episode, number: int, where: str) -> dict[str, NDArray[Any]]:
    """Return an episode's rows, ``(T, …)`` for each array of a recording."""
    numbered = episode.actions.ndim == 1
    vectors: dict[str, NDArray[Any]] = {
        "observations": episode.observations,
        "rewards": episode.rewards,
        "weights": np.ones(len(episode.actions)) if episode.weights is None else episode.weights,
    }
    if not numbered:
        vectors["actions"] = episode.actions
    columns: dict[str, NDArray[Any]] = {
        name: as_float(f"{where}: {name}", values) for name, values in vectors.items()
    }
    observations = columns["observations"]
    columns |= {"observations": observations[:-1], "next_observations": observations[1:]}
    if numbered:
        columns["actions"] = episode.actions.astype(np.int64, copy=False)
    for name in ("terminations", "truncations"):
        columns[name] = getattr(episode, name).astype(np.bool_, copy=False)
    return columns | {"episodes": np.full(len(episode.actions), number)}


def _allocate(columns: dict[str, NDArray[Any]], rows: int, source: str) -> dict[str, Any]:
    """Allocate arrays for all rows, with the types of the first episode."""
    try:
        return {
            name: np.empty((rows, *column.shape[1:]), column.dtype)
            for name, column in columns.items()
        }
    except (MemoryError, ValueError) as error:
        raise InputError(
            f"{source!r} says that it holds {rows} steps: they do not fit into memory; correct "
            "total_steps in its metadata.json, or stream it"
        ) from error


def _fill(arrays: dict[str, NDArray[Any]], rows: slice, columns: dict[str, NDArray[Any]]) -> None:
    for name, column in columns.items():
        if column.dtype != arrays[name].dtype:
            # Minari stores each episode's own type: do not round to the first one's.
            arrays[name] = arrays[name].astype(np.result_type(arrays[name], column), copy=False)
        arrays[name][rows] = column


def _other_count(source: str, rows: int, found: str) -> InputError:
    return InputError(
        f"{source!r} says that it holds {rows} steps, but its episodes have {found}: the numbers "
        "must agree; correct total_steps in its metadata.json, or download it again"
    )
