"""Episodes as they were played, and the transitions that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import InputError
from harness.transitions import BoolArray, FloatArray, IntArray, Transitions


@dataclass(frozen=True, eq=False)
class Episode:
    """T steps between T+1 observations."""

    observations: FloatArray  # (T+1, obs_dim)
    actions: IntArray  # (T,)
    rewards: FloatArray  # (T,)
    terminations: BoolArray  # (T,)
    truncations: BoolArray  # (T,)
    seed: int | None = None  # that the environment was reset with
    weights: FloatArray | None = None  # (T,) of the steps; None: all one


def join_episodes(
    episodes: Sequence[Episode], obs_dim: int, action_count: int, source: str, first: int = 0
) -> Transitions:
    """Lay the steps of all episodes end to end: T rows an episode, of weight one unless given.

    Every step becomes a row, truncated ones included; only terminations end bootstrapping.

    Args:
        episodes: Episodes whose actions count from 0.
        obs_dim: Numbers in one observation.
        action_count: Actions that the environment offers.
        source: The dataset, for error messages.
        first: Number of the first episode in its dataset, for error messages.

    Raises:
        InputError: If there is no episode, or one breaks a rule of `check_episode`.
    """
    if not episodes:
        raise no_episode(source)
    for number, episode in enumerate(episodes, first):
        check_episode(episode, obs_dim, f"{source!r}, episode {number}")
    arrays = {
        "observations": np.concatenate([episode.observations[:-1] for episode in episodes]),
        "actions": np.concatenate([episode.actions for episode in episodes]),
        "rewards": np.concatenate([episode.rewards for episode in episodes]),
        "next_observations": np.concatenate([episode.observations[1:] for episode in episodes]),
        "terminations": np.concatenate([episode.terminations for episode in episodes]),
        "weights": np.concatenate([_weights(episode) for episode in episodes]),
    }
    return Transitions.from_arrays(arrays, {"action_count": action_count}, source)


def no_episode(source: str) -> InputError:
    """Build the error for a dataset without an episode."""
    return InputError(f"{source!r} holds no episode: at least one is needed; collect some first")


def one_step_episodes(transitions: Transitions) -> Iterator[Episode]:
    """Turn each row into an episode of one step, its weight included.

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


def _weights(episode: Episode) -> FloatArray:
    return np.ones(len(episode.actions)) if episode.weights is None else episode.weights


def check_episode(episode: Episode, obs_dim: int, where: str) -> None:
    """Refuse an episode whose arrays do not fit each other.

    Args:
        episode: The episode.
        obs_dim: Numbers in one observation.
        where: Dataset and episode, for error messages.

    Raises:
        InputError: If there is no step, an array is not as long as the steps need, or a step
            before the last is flagged as terminated.
    """
    steps = np.size(episode.actions)
    if steps == 0:
        raise InputError(f"{where}: no actions, but an episode has at least one step; drop it")
    wanted: dict[str, tuple[int, ...]] = {"observations": (steps + 1, obs_dim)}
    wanted |= dict.fromkeys(("actions", "rewards", "terminations", "truncations"), (steps,))
    if episode.weights is not None:
        wanted["weights"] = (steps,)
    for name, shape in wanted.items():
        found = np.shape(getattr(episode, name))
        if found != shape:
            raise InputError(
                f"{where}: {name} of shape {found}, but {steps} actions need {shape}; "
                "write that episode again or drop it"
            )
    early = np.flatnonzero(episode.terminations[:-1])
    if early.size:
        raise InputError(
            f"{where}: step {early[0]} of {steps} is flagged terminated, but only the last step "
            "may be; split the episode there"
        )
