"""Conversion of recordings to Minari datasets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from gymnasium.spaces import Discrete

from envs.formats.episodes import Episode
from envs.formats.minari.environments import describe_environments, with_action_start
from envs.formats.minari.output import METADATA_KEY, check_new_id, check_one_step_room, public_name
from envs.formats.minari.store import write_dataset
from envs.formats.recording import Recording
from envs.formats.row_order import find_jumps
from envs.formats.spaces import unbounded
from envs.inspection.episode_defects import find_continued_cuts
from envs.inspection.statistics import Statistics
from envs.loading import takes_names
from envs.reference import Reference, name_environments
from harness.core.arrays import IntArray
from harness.core.errors import InputError

logger = logging.getLogger("bellman_bench")


def convert(recording: Recording, dataset_id: str) -> Path:
    """Write a recording as a Minari dataset, atomically, and return its folder.

    Reading it back gives the same rows in the same precision, including weights. Rows without
    episodes become episodes of one step, truncated unless terminated, as in `write_transitions`.
    Spaces have no bounds, so that nothing is rounded or rejected. An environment that cannot be
    made here is left out, as Minari requires.

    Args:
        recording: The rows; each row's next observation must be the observation of the row that
            follows in its episode.
        dataset_id: A new Minari id, ``namespace/name-vN``.

    Raises:
        InputError: If the id cannot be used (see `check_new_id`), an episode's rows do not follow
            each other, too many rows form no episodes, or the root cannot be written.
    """
    check_new_id(dataset_id)
    starts = _find_starts(recording)
    _check_room(recording, starts)
    _check_order(recording, starts)
    count, name = recording.action_count, public_name(recording.source)
    observation_space = unbounded(recording.observations)
    reference = _makeable(recording.reference)
    action_space = (
        unbounded(recording.actions)
        if count is None
        else Discrete(count, start=reference.action_start)
    )
    return write_dataset(
        dataset_id,
        _cut_episodes(recording, starts),
        reference,
        algorithm="unknown",
        description=f"Converted from {name}.",
        spaces=(observation_space, action_space),
        metadata={METADATA_KEY: json.dumps({"source": name, "notes": find_notes(recording)})},
        refuse_existing=True,
    )


def join_continued(recording: Recording) -> Recording:
    """Remove time-outs after which the next row simply goes on, and join the episodes around them.

    Raises:
        InputError: If there is none.
    """
    continued = find_continued_cuts(Statistics(recording))
    if recording.episodes is None or not continued.size:
        raise InputError(
            f"{recording.source!r} has no time-out after which the next row simply goes on: there "
            "is nothing to join; leave out --join"
        )
    starts, removed = recording.episode_starts, np.zeros(len(recording), dtype=np.bool_)
    removed[continued + 1] = True
    truncations = recording.truncations.copy()
    truncations[continued] = False
    kept = zip(recording.seeds, removed[starts].tolist(), strict=False)
    return replace(
        recording,
        truncations=truncations,
        episodes=recording.episodes - np.cumsum(removed),
        seeds=tuple(seed for seed, is_removed in kept if not is_removed),
        notes=(*recording.notes, f"{len(continued)} time-outs removed, where the next row goes on"),
    )


def find_notes(recording: Recording) -> tuple[str, ...]:
    """Notes on a recording's source and on its conversion to a Minari dataset."""
    if recording.episodes is not None:
        return recording.notes
    return (
        *recording.notes,
        "rows that form no episodes are written as episodes of one step, truncated unless "
        "terminated: methods that go by episodes have no use for them",
    )


def _check_room(recording: Recording, starts: IntArray) -> None:
    """Check that few episodes have one step, as those of rows that form none.

    Raises:
        InputError: If not.
    """
    remedy = "keep the dataset as it is, which every command reads"
    if recording.episodes is None and takes_names(recording.source):
        remedy += ", or name the array that ends episodes, as by --map truncations=NAME"
    lengths = np.diff(starts, append=len(recording))
    check_one_step_room(int(np.count_nonzero(lengths == 1)), recording.source, remedy)


def _find_starts(recording: Recording) -> IntArray:
    if recording.episodes is None:
        return np.arange(len(recording))
    return recording.episode_starts


def _check_order(recording: Recording, starts: IntArray) -> None:
    """Check that the rows of each episode are consecutive steps.

    Raises:
        InputError: If a next observation is not the observation of the next row, or a row before
            the last is terminated.
    """
    inside = np.ones(len(recording), dtype=np.bool_)
    inside[starts - 1] = False  # the row before the first start is the last
    jumps = find_jumps(recording.observations, recording.next_observations)
    broken = np.flatnonzero(inside & jumps)
    if broken.size:
        raise InputError(
            f"{recording.source!r}: at {broken.size} rows, first row {broken[0]}, the next "
            "observation differs from the observation of the next row of the episode, but Minari "
            "stores each only once; mark the end of an episode there, or use the rows unconverted"
        )
    early = np.flatnonzero(inside & recording.terminations)
    if early.size:
        raise InputError(
            f"{recording.source!r}: row {early[0]} is terminated, but its episode goes on; end the "
            "episode there"
        )


def _cut_episodes(recording: Recording, starts: IntArray) -> Iterator[Episode]:
    weighted = bool((recording.weights != 1).any())
    one_step = recording.episodes is None
    ends = [*starts[1:].tolist(), len(recording)]
    seeds = recording.seeds or (None,) * len(starts)
    for first, end, seed in zip(starts.tolist(), ends, seeds, strict=True):
        here, last = slice(first, end), slice(end - 1, end)
        observations = recording.observations[here], recording.next_observations[last]
        terminations = recording.terminations[here]
        yield Episode(
            observations=np.concatenate(observations),
            actions=recording.actions[here],
            rewards=recording.rewards[here],
            terminations=terminations,
            truncations=~terminations if one_step else recording.truncations[here],
            seed=seed,
            weights=recording.weights[here] if weighted else None,
        )


def _makeable(reference: Reference) -> Reference:
    """Fill in where actions start, or leave the environments out if one cannot be made."""
    try:
        describe_environments(reference)
        return with_action_start(reference)
    except InputError as error:
        logger.warning("the dataset will name no environment: %s", error)
        return reference.model_copy(update=name_environments(None, None))
