"""Recorded episodes that an environment can be compared with, from the seeds of their resets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from envs.formats.recording import Recording
from harness.core.arrays import FloatArray, IntArray

EPISODES: Final = 3
FIRST_STEPS: Final = 25


@dataclass(frozen=True, eq=False)
class PlayedEpisode:
    """The first S steps of a recorded episode."""

    seed: int  # that the environment was reset with
    actions: IntArray | FloatArray  # (S,) from 0, or continuous (S, action_dim)
    observations: FloatArray  # (S + 1, obs_dim)
    rewards: FloatArray  # (S,)


def played_episodes(recording: Recording) -> tuple[PlayedEpisode, ...]:
    """Select episodes, evenly spaced over the recording.

    Returns:
        The episodes; none if the recording has no episodes or no reset seeds.
    """
    if not recording.seeds or recording.episodes is None:
        return ()
    starts = recording.episode_starts
    ends = [*starts[1:], len(recording)]
    picked = np.unique(np.linspace(0, len(starts) - 1, EPISODES).round().astype(int))
    return tuple(
        _first_steps(recording, slice(starts[n], min(starts[n] + FIRST_STEPS, ends[n])), seed)
        for n in picked
        if (seed := recording.seeds[n]) is not None
    )


def _first_steps(recording: Recording, rows: slice, seed: int) -> PlayedEpisode:
    return PlayedEpisode(
        seed=seed,
        actions=recording.actions[rows].copy(),
        observations=np.vstack(
            [recording.observations[rows], recording.next_observations[rows.stop - 1]]
        ),
        rewards=recording.rewards[rows].copy(),
    )
