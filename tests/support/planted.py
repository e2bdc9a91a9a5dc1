"""Defects planted into sound data, and the line that each must be found by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from envs.formats.recording import Recording
from tests.support.recordings import changed, take, with_copies

Plant = Callable[[Recording], Recording]


def shuffled(sound: Recording) -> Recording:
    return take(sound, np.random.default_rng(0).permutation(len(sound)), episodes=sound.episodes)


def late(sound: Recording) -> Recording:
    """From the second episode on, s' lags one row behind."""
    later = sound.episodes != 0
    wrong = np.where(later[:, None], sound.observations, sound.next_observations)  # type: ignore[index]
    return replace(sound, next_observations=wrong)


def not_a_number(sound: Recording) -> Recording:
    return replace(
        sound,
        observations=changed(sound.observations, (40, 3), np.nan),
        next_observations=changed(sound.next_observations, (39, 3), np.nan),
    )


def constant(sound: Recording) -> Recording:
    return replace(
        sound,
        observations=changed(sound.observations, np.s_[:, 1], 7.0),
        next_observations=changed(sound.next_observations, np.s_[:, 1], 7.0),
    )


def early_end(sound: Recording) -> Recording:
    return replace(sound, terminations=changed(sound.terminations, 3, True))


def one_action(sound: Recording) -> Recording:
    return replace(sound, actions=np.zeros_like(sound.actions))


def merged_ends(sound: Recording) -> Recording:
    return replace(
        sound,
        terminations=sound.terminations | sound.truncations,
        truncations=np.zeros_like(sound.truncations),
    )


def never_ending(sound: Recording) -> Recording:
    none = np.zeros_like(sound.truncations)
    return replace(sound, terminations=none, truncations=none)


def one_long_episode(sound: Recording) -> Recording:
    """The first two long episodes, their end in between lost."""
    assert sound.episodes is not None
    joined = sound.episodes // 2
    ends = np.diff(joined, append=-1) != 0
    return replace(
        sound,
        episodes=joined,
        seeds=(),
        terminations=sound.terminations & ends,
        truncations=sound.truncations & ends,
    )


def played_twice(sound: Recording) -> Recording:
    first = np.flatnonzero(sound.episodes == 1)
    rows = np.concatenate([np.arange(len(sound)), first])
    assert sound.episodes is not None
    number = np.full(len(first), sound.episodes.max() + 1)
    return take(sound, rows, episodes=np.concatenate([sound.episodes, number]), seeds=())


def zero_sum(sound: Recording) -> Recording:
    """What every step earns, the last one takes away."""
    assert sound.episodes is not None
    ends = np.flatnonzero(np.diff(sound.episodes, append=-1))
    return replace(
        sound, rewards=changed(np.ones(len(sound)), ends, 1.0 - np.bincount(sound.episodes))
    )


def outlying(sound: Recording) -> Recording:
    return replace(
        sound,
        observations=changed(sound.observations, (40, 2), 1e6),
        next_observations=changed(sound.next_observations, (39, 2), 1e6),
    )


DEFECTS: dict[str, tuple[Plant, str]] = {
    "shuffled": (shuffled, r"not the s of the next row .* look shuffled"),
    "off by one": (late, r"not the s of the next row .* take s' from one row on"),
    "off by one, forwards": (
        lambda sound: replace(
            sound, next_observations=np.roll(sound.next_observations, -1, axis=0)
        ),
        r"take s' from one row back",
    ),
    "NaN": (not_a_number, r"observation 3 \(1 row, the first is row 40: nan\)"),
    "infinite reward": (
        lambda sound: replace(sound, rewards=changed(sound.rewards, 9, np.inf)),
        r"reward \(1 row, the first is row 9: inf\): repair or drop",
    ),
    "constant column": (constant, r"constant in all rows: observation 1: drop"),
    "copied rows": (
        lambda sound: with_copies(sound, np.sort([*range(len(sound)), 20, 20, 30])),
        r"3 of [\d,]+ rows \(.*\) repeat an earlier one exactly \(row 21",
    ),
    "all rows twice": (
        lambda sound: replace(take(sound, np.tile(np.arange(len(sound)), 2), episodes=None)),
        r"\(50 %\) repeat an earlier one exactly",
    ),
    "no reward": (
        lambda sound: replace(sound, rewards=np.zeros_like(sound.rewards)),
        "every reward is zero",
    ),
    "returns of zero": (zero_sum, "every return is zero"),
    "constant reward": (
        lambda sound: replace(sound, rewards=np.full(len(sound), 0.5)),
        r"every reward is 0.5, and nothing shows that CartPole-v1 gives just that",
    ),
    "terminated everywhere": (
        lambda sound: replace(sound, terminations=np.ones(len(sound), dtype=bool)),
        r"all [\d,]+ rows are flagged terminated",
    ),
    "no end": (never_ending, r"none of [\d,]+ rows is flagged terminated or truncated"),
    "early end": (early_end, r"1 row flagged terminated before .* row 3\)"),
    "action not taken": (one_action, r"never taken: action 1 of 0\.\.1"),
    "action too large": (
        lambda sound: replace(sound, actions=changed(sound.actions, 6, 2)),
        r"1 row with an action outside 0\.\.1 \(the first is row 6: 2\)",
    ),
    "action too small": (
        lambda sound: replace(sound, actions=changed(sound.actions, 6, -1)),
        r"an action outside 0\.\.1 \(the first is row 6: -1\)",
    ),
    "too long": (one_long_episode, r"longer than the 500 steps of CartPole-v1"),
    "merged ends": (merged_ends, r"episodes of 500 steps, .* flag them truncated"),
    "same episode": (played_twice, r"1 of 13 episodes .* repeat .* episode 12, counted from 0"),
    "same seed": (
        lambda sound: replace(sound, seeds=(7,) * 12),
        "all 12 episodes were reset with seed 7",
    ),
    "outlier": (outlying, r"1000 times .* observation 2 \(2 rows, the first is row 39\)"),
    "heavy weights": (
        lambda sound: replace(sound, weights=changed(sound.weights, 5, 1e4)),
        r"weights of 1\.\.10000 around a median of 1",
    ),
    "weights of zero": (
        lambda sound: replace(sound, weights=changed(sound.weights, 5, 0)),
        r"1 row with a weight of zero or less",
    ),
    "infinite weight": (
        lambda sound: replace(sound, weights=changed(sound.weights, 5, np.nan)),
        r"NaN or infinity in weight \(1 row",
    ),
}  # fmt: skip
WITH_COMPANY = {  # what breaks more than one rule
    "shuffled", "off by one, forwards", "copied rows", "too long",
    # the environment shows it too
    "no reward", "returns of zero", "constant reward", "action too large",
}  # fmt: skip
