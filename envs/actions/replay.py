"""Recorded episodes, replayed from their seeds: the loss of return by a codebook."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import numpy as np

from envs.actions.codebook import Codebook
from envs.formats.recording import Recording
from harness.core.arrays import FloatArray, IntArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError

logger = logging.getLogger("bellman_bench")

REPLAYED = 20  # number of episodes
FIRST_STEPS = 25  # of which a played episode keeps what the environment gave
TOLERANCE = 1e-4  # relative, of a replayed return


@dataclass(frozen=True, eq=False)
class PlayedEpisode:
    """A recorded episode of T steps that can be replayed, and S of its steps to compare with."""

    seed: int  # that the environment was reset with
    actions: IntArray | FloatArray  # (T,) from 0, or continuous (T, action_dim)
    recorded_return: float
    observations: FloatArray  # (S + 1, obs_dim), around the first steps
    rewards: FloatArray  # (S,)


@dataclass(frozen=True)
class QuantisedReturns:
    """Mean returns of the same episodes with recorded actions and with their nearest codes."""

    recorded: float
    quantised: float
    episodes: int


def played_episodes(recording: Recording, episodes: int = REPLAYED) -> tuple[PlayedEpisode, ...]:
    """Select episodes, evenly spaced over the recording.

    Returns:
        The episodes; none if the recording has no episodes or no reset seeds.
    """
    if not recording.seeds or recording.episodes is None:
        return ()
    starts = recording.episode_starts
    ends = [*starts[1:], len(recording)]
    picked = np.unique(np.linspace(0, len(starts) - 1, episodes).round().astype(int))
    return tuple(
        _played(recording, slice(starts[number], ends[number]), seed)
        for number in picked
        if (seed := recording.seeds[number]) is not None
    )


def _played(recording: Recording, rows: slice, seed: int) -> PlayedEpisode:
    actions, rewards = recording.actions[rows], recording.rewards[rows]
    first = slice(rows.start, min(rows.start + FIRST_STEPS, rows.stop))
    return PlayedEpisode(
        seed=seed,
        actions=actions.astype(np.float64) if recording.continuous else actions.copy(),
        recorded_return=float(rewards.sum(dtype=np.float64)),
        observations=np.vstack(
            [recording.observations[first], recording.next_observations[first.stop - 1]]
        ),
        rewards=recording.rewards[first].copy(),
    )


def quantised_returns(
    environment: EnvironmentSpec, episodes: Sequence[PlayedEpisode], codebook: Codebook
) -> QuantisedReturns | None:
    """Replay episodes of continuous actions from their seeds, as recorded and quantised.

    An episode ends when it terminates or has no more actions. A policy would correct its errors;
    open-loop actions do not, so that in an unstable environment the quantised return is far below
    what a policy over these codes can reach.

    Returns:
        None if there is no episode, the environment cannot be made, or the recorded actions do not
        reproduce the recorded return, as in another version of it; the reason is logged.
    """
    if not episodes:
        return None
    recorded = np.array([episode.recorded_return for episode in episodes])
    actions = [cast(FloatArray, episode.actions) for episode in episodes]
    try:
        own = _replay(environment, episodes, actions)
    except InputError as error:
        logger.warning("the return with quantised actions is left out: %s", error)
        return None
    if not np.allclose(own, recorded, rtol=TOLERANCE, atol=TOLERANCE):
        worst = int(np.abs(own - recorded).argmax())
        logger.warning(
            "the return with quantised actions is left out: %s does not reproduce its recorded "
            "episodes, a return of %.6g was replayed as %.6g",
            environment,
            recorded[worst],
            own[worst],
        )
        return None
    nearest = [codebook.decode(codebook.encode(taken)) for taken in actions]
    quantised = _replay(environment, episodes, nearest)
    return QuantisedReturns(float(recorded.mean()), float(quantised.mean()), len(episodes))


def _replay(
    environment: EnvironmentSpec, episodes: Sequence[PlayedEpisode], actions: Sequence[FloatArray]
) -> FloatArray:
    """Return of each episode, replayed with the given actions, ``(E,)``."""
    from envs.environment import make_environment, to_actions  # imports gymnasium

    returns = np.zeros(len(episodes))
    with closing(make_environment(environment)) as env:
        for number, (episode, chosen) in enumerate(zip(episodes, actions, strict=True)):
            env.reset(seed=episode.seed)
            for action in to_actions(env.action_space, chosen):
                _, reward, terminated, _, _ = env.step(action)
                returns[number] += float(reward)
                if terminated:
                    break
    return returns
