"""The loss of return by a codebook: recorded episodes, replayed with quantised actions."""

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

REPLAYED = 20  # number of episodes
TOLERANCE = 1e-4  # relative, of a replayed return


@dataclass(frozen=True, eq=False)
class PlayedEpisode:
    """The seed and actions needed to replay a recorded episode."""

    seed: int  # that the environment was reset with
    actions: FloatArray  # (T, action_dim)
    recorded_return: float


@dataclass(frozen=True)
class QuantisedReturns:
    """Mean returns of the same episodes with recorded actions and with their nearest codes."""

    recorded: float
    quantised: float
    episodes: int


def played_episodes(recording: Recording, episodes: int = REPLAYED) -> tuple[PlayedEpisode, ...]:
    """Select episodes of continuous actions, evenly spaced over the recording.

    Returns:
        The episodes; none if the recording has no reset seeds.
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
    """Replay episodes open loop from their seeds, with recorded and with quantised actions.

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
    try:
        own = _replay(environment_id, episodes, [episode.actions for episode in episodes])
    except InputError as error:
        logger.warning("the return with quantised actions is left out: %s", error)
        return None
    if not np.allclose(own, recorded, rtol=TOLERANCE, atol=TOLERANCE):
        worst = int(np.abs(own - recorded).argmax())
        logger.warning(
            "the return with quantised actions is left out: %s does not reproduce its recorded "
            "episodes, a return of %.6g was replayed as %.6g",
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
    """Return of each episode, replayed with the given actions, ``(E,)``."""
    from envs.environment import make_environment  # imports gymnasium

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
