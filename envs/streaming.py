"""Streaming of Minari datasets by chunks of whole episodes, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from envs.actions.codebook import number_actions
from envs.formats.episodes import Episode
from envs.formats.recording import Recording
from envs.loading import ensure_stored
from envs.told import tell_reference
from harness.core.errors import InputError
from harness.core.reading import AS_STORED, Reading
from harness.core.transitions import Transitions

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
    reading: Reading = AS_STORED,
) -> Iterator[Transitions]:
    """Read a dataset of discrete actions in chunks of whole episodes; see `stream_recordings`.

    The concatenated chunks equal the result of `load_dataset`.

    Raises:
        InputError: If actions are continuous, or the dataset cannot be used.
    """
    for recording in stream_recordings(dataset_id, first_episode, end_episode, reading):
        yield number_actions(recording, None)[0]


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
