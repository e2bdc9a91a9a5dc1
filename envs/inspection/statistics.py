"""Statistics of a recording: episodes, alignment, repetition and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.formats.recording import Recording
from envs.formats.row_order import follows
from envs.reference import Reference
from envs.thresholds import LEAP, LEAP_SPREAD, LEAPT_NUMBERS
from harness.core.arrays import BoolArray, Float64Array, IntArray

Hashes = NDArray[np.uint64]

BINS = 100  # of each column, as in the code of the paper that defines the coverage
_USUAL = 0.9  # quantile of the changes of a number
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Statistics:
    """A recording with cached statistics, used by its checks and its report."""

    recording: Recording

    @cached_property
    def starts(self) -> IntArray | None:
        """First row of each episode ``(E,)``; None: unknown."""
        return None if self.recording.episodes is None else self.recording.episode_starts

    @cached_property
    def lengths(self) -> IntArray | None:
        """Rows of each episode ``(E,)``."""
        return None if self.starts is None else np.diff(self.starts, append=len(self.recording))

    @cached_property
    def returns(self) -> Float64Array | None:
        """Undiscounted return of each episode ``(E,)``."""
        if self.starts is None:
            return None
        with np.errstate(all="ignore"):  # rewards may be infinite
            totals: Float64Array = np.add.reduceat(
                self.recording.rewards.astype(np.float64), self.starts
            )
        return totals

    @cached_property
    def last(self) -> BoolArray | None:
        """Whether each row is its episode's last, ``(N,)``."""
        if self.starts is None:
            return None
        last = np.zeros(len(self.recording), dtype=bool)
        last[np.append(self.starts[1:] - 1, -1)] = True
        return last

    def ended_at(self, length: int) -> tuple[int, int]:
        """Number of episodes of that length, and how many of them terminated."""
        if self.lengths is None or self.last is None:
            return 0, 0
        terminated = self.recording.terminations & ~self.recording.truncations
        there = self.lengths == length
        return int(there.sum()), int((there & terminated[self.last]).sum())

    @cached_property
    def constant_columns(self) -> tuple[str, ...]:
        """Names of the columns of s, a and r that are constant over more than one row."""
        return tuple(
            name
            for name, column in columns(self.recording)
            if len(column) > 1 and not name.startswith("next") and (column == column[0]).all()
        )

    @cached_property
    def joined(self) -> BoolArray:
        """Whether each row's s' is the s of the next row, ``(N,)``; False for the last row."""
        return follows(self.recording.next_observations, self.recording.observations, 1)

    @cached_property
    def misaligned(self) -> IntArray | None:
        """Rows inside an episode whose s' is not the s of the next row."""
        return None if self.last is None else np.flatnonzero(~self.joined & ~self.last)

    @cached_property
    def leaps(self) -> IntArray:
        """Rows that do not terminate and whose s' is far from their s in most numbers at once.

        Far is beyond what is usual, and beyond the steps two rows before and after: motion that is
        merely fast lasts longer. Before a termination it is beyond the last step too, for what
        falls falls ever faster.
        """
        taken = self.recording
        far, varying = np.zeros(len(taken), dtype=np.int64), 0
        before_last = np.append(taken.terminations[1:], False)
        for before, after in zip(taken.observations.T, taken.next_observations.T, strict=True):
            with np.errstate(all="ignore"):
                change = np.nan_to_num(np.abs(after - before))
                near = max(float(np.quantile(change, _USUAL)), LEAP_SPREAD / LEAP * before.std())
            if near > 0:
                varying += 1
                around = np.full(len(change) + 4, near)
                around[2:-2] = np.maximum(change, near)
                beyond = np.maximum(around[:-4], around[4:])
                beyond[before_last] = np.maximum(beyond, around[3:-1])[before_last]
                far += change / LEAP > beyond
        return np.flatnonzero((far > LEAPT_NUMBERS * varying) & ~taken.terminations)

    @cached_property
    def time_limit(self) -> int | None:
        """Steps after which the environment truncates an episode; None: unknown, or never."""
        environment = self.recording.reference.source_environment
        if environment is None:
            return None
        from envs.environment import time_limit  # imports gymnasium

        return time_limit(environment)

    @cached_property
    def hashes(self) -> Hashes:
        """A hash of each row's ``(s, a, r, s', terminated)``, ``(N,)``."""
        taken = self.recording
        return hash_rows(
            taken.observations,
            taken.actions,
            taken.rewards,
            taken.next_observations,
            taken.terminations,
        )

    @cached_property
    def repeated_episodes(self) -> IntArray:
        """Numbers of the episodes that equal an earlier one row by row, counted from 0."""
        if self.starts is None or self.lengths is None:
            return np.empty(0, dtype=np.int64)
        places = np.arange(len(self.recording)) - np.repeat(self.starts, self.lengths)
        placed = self.hashes * (2 * places.astype(np.uint64) + _ODD)
        return np.flatnonzero(repeats(hash_rows(np.add.reduceat(placed, self.starts))))

    @cached_property
    def repeated_rows(self) -> IntArray:
        """Rows that equal an earlier one, without those of repeated episodes."""
        repeated = repeats(self.hashes)
        if self.lengths is not None:
            copies = np.isin(np.arange(len(self.lengths)), self.repeated_episodes)
            repeated &= ~np.repeat(copies, self.lengths)
        return np.flatnonzero(repeated)


def hash_rows(*arrays: NDArray[Any]) -> Hashes:
    """Hash each row ``(N,)`` of arrays ``(N,)`` or ``(N, d)`` by their exact values."""
    from pandas.util import hash_array  # slow to import

    hashes = np.zeros(len(arrays[0]), dtype=np.uint64)
    for array in arrays:
        for column in array.reshape(len(array), -1).T:
            hashes *= _ODD
            hashes += hash_array(np.ascontiguousarray(column), categorize=False)
    return hashes


def count_distinct(hashes: Hashes) -> int:
    """Count distinct hashes; for so many, sorting is far faster than `numpy.unique`."""
    return 1 + int(np.count_nonzero(np.diff(np.sort(hashes))))


def repeats(hashes: Hashes) -> BoolArray:
    """Whether each hash occurred before, ``(N,)``."""
    repeated = np.ones(len(hashes), dtype=bool)
    repeated[np.unique(hashes, return_index=True)[1]] = False
    return repeated


def columns(recording: Recording) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield every column of s, a, r and s' with its name, without weights."""
    yield from _named("observation", recording.observations)
    yield from _named("action", recording.actions)
    yield "reward", recording.rewards
    yield from _named("next observation", recording.next_observations)


def _named(name: str, array: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    if array.ndim == 1:
        yield name, array
    else:
        yield from ((f"{name} {number}", column) for number, column in enumerate(array.T))


def normalised(returns: Float64Array | None, reference: Reference) -> Float64Array | None:
    """Normalised returns: reference minimum 0 and maximum 1; None if one is unknown.

    Their mean is the trajectory quality TQ, the measure of exploitation of Schweighofer et al., "A
    Dataset Perspective on Offline Reinforcement Learning" (2022):
    ``TQ(D) = (g(D) - g(D_min)) / (g(D_max) - g(D_min))``, where ``g`` is the mean return over the
    trajectories of a dataset (here undiscounted), ``D_min`` that of a random policy and ``D_max``
    that of the best policy known.
    """
    low, high = reference.reference_min, reference.reference_max
    if returns is None or low is None or high is None or low == high:
        return None
    scores: Float64Array = (returns - low) / (high - low)
    return scores


def count_pairs(recording: Recording, limits: Float64Array) -> int:
    """Number of unique state-action pairs ``u(D)``, counted exactly over discretised states.

    They make the state-action coverage SACo, the measure of exploration of Schweighofer et al., "A
    Dataset Perspective on Offline Reinforcement Learning" (2022):
    ``SACo(D) = u(D) / u(D_ref)``, the reference being the replay of the online policy there, and
    any dataset of the same environment here. As in the authors' code, each column of states and
    continuous actions falls into 100 bins between two limits; they estimate the count by
    HyperLogLog.

    Args:
        recording: The dataset D.
        limits: Minimum and maximum of each column, ``(2, columns)``, from `pair_limits`.
    """
    pairs = _pairs(recording)
    bins = [
        np.digitize(column, np.linspace(low, high, BINS)).astype(np.uint8)
        for column, low, high in zip(pairs, *limits, strict=True)
    ]
    taken = [] if recording.continuous else [recording.actions]
    return count_distinct(hash_rows(*bins, *taken))


def pair_limits(*recordings: Recording) -> Float64Array:
    """Minimum and maximum finite value of each column of states and continuous actions.

    Returns:
        Over all recordings together, ``(2, columns)``.
    """
    lows, highs = [], []
    for recording in recordings:
        finite = [column[np.isfinite(column)] for column in _pairs(recording)]
        lows.append([column.min() if len(column) else 0.0 for column in finite])
        highs.append([column.max() if len(column) else 0.0 for column in finite])
    return np.array([np.min(lows, axis=0), np.max(highs, axis=0)], dtype=np.float64)


def _pairs(recording: Recording) -> list[NDArray[Any]]:
    actions = [*recording.actions.T] if recording.continuous else []
    return [*recording.observations.T, *actions]
