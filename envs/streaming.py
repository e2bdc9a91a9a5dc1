"""Streaming of Minari datasets by chunks of whole episodes, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from envs.actions.codebook import (
    ActionSummary,
    Codebook,
    discrete_actions,
    number_actions,
    sampled_rows,
)
from envs.formats.episodes import Episode, no_episode
from envs.formats.recording import Recording
from envs.loading import ensure_stored
from envs.told import tell_reference
from harness.core.arrays import FloatArray, IntArray, check_finite
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.errors import InputError, naming
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions
from harness.numerics.moments import Moments

if TYPE_CHECKING:
    from envs.formats.minari.store import StoredDataset

ROW_BUDGET = 1 << 15  # minimum rows of a complete chunk


def open_stored(dataset_id: str, reading: Reading = AS_STORED) -> StoredDataset:
    """Open a dataset and read its metadata; an embedded one is collected on first use.

    Raises:
        InputError: If there is no such dataset, it cannot be used, or what is said does not suit
            it: names of arrays, or another kind of actions, which is told from all rows at once.
    """
    from envs.formats.minari import store as minari_store  # slow to import

    ensure_stored(dataset_id)
    stored = minari_store.open_stored(dataset_id)
    kind = "continuous" if stored.action_count is None else "discrete"
    if reading.map or reading.actions not in (None, kind):
        raise InputError(
            f"dataset {dataset_id!r} is streamed with the names and the {kind} actions that it "
            "has: what is said of them needs all rows at once; leave out --stream, or --map, "
            "--discrete and --continuous"
        )
    return replace(
        stored,
        reference=tell_reference(stored.reference, reading, dataset_id),
        action_count=stored.action_count and (reading.action_count or stored.action_count),
    )


def stream_recordings(
    dataset_id: str,
    first_episode: int = 0,
    end_episode: int | None = None,
    reading: Reading = AS_STORED,
) -> Iterator[Recording]:
    """Read a dataset in chunks of whole episodes, with actions as stored.

    The concatenated chunks equal the result of `open_recording`. A chunk ends with the episode that
    brings it to 32,768 rows or more.

    Args:
        dataset_id: The id of a local Minari dataset or of an embedded one.
        first_episode: Number of the first episode to read.
        end_episode: Number of the first episode not to read; None: read to the end.
        reading: What is said of the dataset; see `open_stored`.

    Yields:
        At least one chunk.

    Raises:
        InputError: If there is no such dataset, it cannot be used, or the range contains no
        episode.
    """
    stored = open_stored(dataset_id, reading)
    end = stored.episode_count if end_episode is None else end_episode
    if not 0 <= first_episode < end <= stored.episode_count:
        raise InputError(
            f"episodes {first_episode}..{end - 1} of {dataset_id!r}: it holds "
            f"{stored.episode_count} episodes, counted from 0; choose a range of at least one"
        )
    number = first_episode
    for episodes in _batches(stored.episodes(first_episode, end)):
        yield stored.join(episodes, number)
        number += len(episodes)


def stream_transitions(
    dataset_id: str,
    first_episode: int = 0,
    end_episode: int | None = None,
    codebook: Codebook | None = None,
    reading: Reading = AS_STORED,
) -> Iterator[Transitions]:
    """Read a dataset in chunks of whole episodes; see `stream_recordings`.

    The concatenated chunks equal the result of `load_dataset`.

    Args:
        dataset_id: As of `stream_recordings`.
        first_episode: As of `stream_recordings`.
        end_episode: As of `stream_recordings`.
        codebook: Of continuous actions, as by `fit_streamed_codebook`; None: they stay as they are.
        reading: What is said of the dataset; see `open_stored`.

    Raises:
        InputError: If actions are discrete and there is a codebook, or the dataset cannot be used.
    """
    for recording in stream_recordings(dataset_id, first_episode, end_episode, reading):
        yield number_actions(recording, codebook)[0]


def fit_streamed_codebook(dataset_id: str, spec: CodebookSpec) -> Codebook:
    """Fit a codebook to the continuous actions of a dataset that is read twice, in chunks.

    It is the one of `fit_codebook`, but for what rounding decides: the standard deviations differ
    in their last digits.

    Raises:
        InputError: If actions are discrete, a grid of two levels per dimension has more codes than
            requested, or the dataset cannot be used.
    """
    codebook = _summarise_actions(dataset_id, spec.size).choose_codes(spec)
    used = np.zeros(len(codebook), dtype=np.bool_)
    for actions in _stream_actions(dataset_id):
        used[codebook.encode(actions)] = True
    return codebook.take(np.flatnonzero(used))


def _summarise_actions(dataset_id: str, most: int) -> ActionSummary:
    """Summarise all actions; ``most`` is the number of distinct ones up to which they are kept."""
    wanted = sampled_rows(open_stored(dataset_id).row_count)
    order = np.argsort(wanted)
    ascending, begin = wanted[order], 0
    found: _Actions | None = None
    for actions in _stream_actions(dataset_id):
        own = ascending[slice(*np.searchsorted(ascending, [begin, begin + len(actions)]))]
        part = _Actions.of(actions, own - begin, most)
        found = part if found is None else found.merge(part, most)
        begin += len(actions)
    if found is None:
        raise no_episode(dataset_id)
    sample = np.empty_like(found.sample)
    sample[order] = found.sample
    varies = found.high > found.low
    scale = np.where(varies, found.moments.deviation, 1.0)
    return ActionSummary(found.low, found.high, scale, sample, found.distinct)


@dataclass(frozen=True, eq=False)
class _Actions:
    """What is kept of the actions of some chunks."""

    low: FloatArray  # (action_dim,)
    high: FloatArray  # (action_dim,)
    moments: Moments
    sample: FloatArray  # (n, action_dim) in the order of rows
    distinct: FloatArray | None  # None: more than are kept

    @classmethod
    def of(cls, actions: FloatArray, sampled: IntArray, most: int) -> _Actions:
        low, high = actions.min(axis=0), actions.max(axis=0)
        distinct = _distinct(actions, most)
        return cls(low, high, Moments.of(actions), actions[sampled], distinct)

    def merge(self, other: _Actions, most: int) -> _Actions:
        distinct = None
        if self.distinct is not None and other.distinct is not None:
            distinct = _distinct(np.concatenate([self.distinct, other.distinct]), most)
        return _Actions(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.moments + other.moments,
            np.concatenate([self.sample, other.sample]),
            distinct,
        )


def _distinct(actions: FloatArray, most: int) -> FloatArray | None:
    found = np.unique(actions, axis=0)
    return found if len(found) <= most else None


def _stream_actions(dataset_id: str) -> Iterator[FloatArray]:
    """Yield continuous actions ``(n, action_dim)``, checked as values of transitions are."""
    for recording in stream_recordings(dataset_id):
        if not recording.continuous:
            raise discrete_actions(recording)
        with naming(dataset_id):
            actions = cast(FloatArray, recording.actions)
            check_finite("actions", actions)
        yield actions


def _batches(episodes: Iterator[Episode]) -> Iterator[list[Episode]]:
    batch: list[Episode] = []
    rows = 0
    for episode in episodes:
        batch.append(episode)
        rows += len(episode.actions)
        if rows >= ROW_BUDGET:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch
