"""What a codebook costs the behaviour policy: recorded episodes, replayed with their codes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from envs.actions.codebook import Codebook
from envs.formats.recording import Recording
from harness.core.arrays import FloatArray
from harness.core.errors import InputError

logger = logging.getLogger("bellman_bench")

REPLAYED = 20  # episodes
TOLERANCE = 1e-4  # relative, of a replayed return


@dataclass(frozen=True, eq=False)
class PlayedEpisode:
    """All that it takes to play a recorded episode again."""

    seed: int  # that the environment was reset with
    actions: FloatArray  # (T, action_dim)
    recorded_return: float


@dataclass(frozen=True)
class QuantisedReturns:
    """Mean returns of the same episodes with their own actions and with the nearest codes."""

    recorded: float
    quantised: float
    episodes: int


def played_episodes(recording: Recording, episodes: int = REPLAYED) -> tuple[PlayedEpisode, ...]:
    """Pick episodes of continuous actions, evenly spread over the recording.

    Returns:
        None at all if the recording does not know the seeds that they were reset with.
    """
    if not recording.continuous or not recording.seeds:
        return ()
    starts = recording.episode_starts
    ends = [*starts[1:], len(recording)]
    picked = np.unique(np.linspace(0, len(starts) - 1, episodes).round().astype(int))
    return tuple(
        PlayedEpisode(
            seed,
            recording.actions[starts[number] : ends[number]].astype(np.float64),
            float(recording.rewards[starts[number] : ends[number]].sum(dtype=np.float64)),
        )
        for number in picked
        if (seed := recording.seeds[number]) is not None
    )


def quantised_returns(
    environment_id: str, episodes: Sequence[PlayedEpisode], codebook: Codebook
) -> QuantisedReturns | None:
    """Play episodes again open loop, from their seeds: as recorded, and with their nearest codes.

    An episode ends where it terminates or its actions are used up. A policy would correct its
    errors; actions played blindly do not, so that in an unstable environment the quantised return
    falls far below what a policy of these codes can reach.

    Returns:
        None if there is no episode, the environment cannot be made, or an episode's own actions do
        not give its recorded return, as in another version of it; the log says which.
    """
    if not episodes:
        return None
    recorded = np.array([episode.recorded_return for episode in episodes])
    try:
        own = _replay(environment_id, episodes, [episode.actions for episode in episodes])
    except InputError as error:
        logger.warning("the return with quantised actions is left out: %s", error)
        return None
    if not np.allclose(own, recorded, rtol=TOLERANCE, atol=TOLERANCE):
        worst = int(np.abs(own - recorded).argmax())
        logger.warning(
            "the return with quantised actions is left out: %s does not replay its recorded "
            "episodes, a return of %.6g came out as %.6g",
            environment_id,
            recorded[worst],
            own[worst],
        )
        return None
    nearest = [codebook.decode(codebook.encode(episode.actions)) for episode in episodes]
    quantised = _replay(environment_id, episodes, nearest)
    return QuantisedReturns(float(recorded.mean()), float(quantised.mean()), len(episodes))


def _replay(
    environment_id: str, episodes: Sequence[PlayedEpisode], actions: Sequence[FloatArray]
) -> FloatArray:
    """Return the return of each episode, played with the given actions, ``(E,)``."""
    from envs.environment import make_environment  # imports gymnasium, which opening does not need

    returns = np.zeros(len(episodes))
    with closing(make_environment(environment_id)) as env:
        for number, (episode, chosen) in enumerate(zip(episodes, actions, strict=True)):
            env.reset(seed=episode.seed)
            for action in chosen.astype(env.action_space.dtype):
                _, reward, terminated, _, _ = env.step(action)
                returns[number] += float(reward)
                if terminated:
                    break
    return returns
