"""Layouts of d3rlpy's datasets, by the arrays that its versions 1 and 2 dump.

Version 1 dumps flat arrays beside a flag for the kind of actions, version 2 the arrays of each
episode, as its module ``d3rlpy.dataset.io`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import count, takewhile
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.formats.arrays import as_flags, as_scalars, as_vectors
from envs.formats.columns import Columns
from harness.core.arrays import FloatArray
from harness.core.classes.reading import ActionKind
from harness.core.errors import InputError

KIND_FLAG: Final = "discrete_action"  # in a dump of version 1

Read = Callable[[str], NDArray[Any]]


def kind_of(flag: NDArray[Any]) -> ActionKind:
    """Return the kind of actions that version 1's flag tells."""
    return "discrete" if flag.any() else "continuous"


def holds_episodes(names: Collection[str]) -> bool:
    """Whether a file with these arrays was dumped by version 2."""
    return "num_episodes" in names and "columns" in names


def read_episodes(
    path: str, names: Collection[str], read: Read, mapping: Mapping[str, str]
) -> Columns:
    """Read the episodes of a replay buffer: ``observations_0``, ``actions_0``, …, ``terminated_0``.

    An episode of T steps has T observations, so that the last step of one that did not terminate
    has no next observation, and is dropped. A tuple of observations is concatenated.

    Args:
        path: The file, for error messages.
        names: The names of all its arrays.
        read: Reads an array by its name.
        mapping: The user's names, of which there must be none.

    Raises:
        InputError: If an array is missing or has another shape, or there is no episode.
    """
    if mapping:
        raise InputError(
            f"names of arrays for {path!r}: a replay buffer of d3rlpy has its own; leave out --map"
        )
    episodes = int(read("num_episodes"))
    if episodes < 1:
        raise InputError(f"{path!r} holds no episode: at least one is needed; collect some")
    parts = [_read_episode(path, names, read, number) for number in range(episodes)]
    for number, part in enumerate(parts):
        _check_like(part, parts[0], f"{path!r}, episode {number}")

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([part[name] for part in parts])

    return Columns(
        source=path,
        observations=joined("observations"),
        actions=joined("actions"),
        rewards=joined("rewards"),
        terminations=joined("terminations"),
        ends=joined("ends"),
        notes=[f"the {episodes} episodes of a replay buffer of d3rlpy"],
    )


def _read_episode(
    path: str, names: Collection[str], read: Read, number: int
) -> dict[str, NDArray[Any]]:
    """Read an episode as columns, ``(T, …)`` each."""

    def column(name: str) -> NDArray[Any]:
        if f"{name}_{number}" not in names:
            raise InputError(
                f"{path!r} lacks {name}_{number}: d3rlpy dumps observations, actions, rewards and "
                "terminated of every episode; dump the buffer again"
            )
        return read(f"{name}_{number}")

    rewards = as_scalars(path, f"rewards_{number}", column("rewards"))
    ends = np.arange(len(rewards)) == len(rewards) - 1
    terminated = as_flags(path, f"terminated_{number}", column("terminated").reshape(-1))
    return {
        "observations": _observations(path, names, read, number),
        "actions": column("actions"),
        "rewards": rewards,
        "terminations": ends & terminated.any(),
        "ends": ends,
    }


def _check_like(
    episode: Mapping[str, NDArray[Any]], first: Mapping[str, NDArray[Any]], where: str
) -> None:
    """Check that an episode has steps, with an entry of each array, and columns like the first.

    Raises:
        InputError: If not.
    """
    steps = len(episode["rewards"])
    for name, array in episode.items():
        wanted = (steps, *first[name].shape[1:])
        if array.shape != wanted or not steps:
            raise InputError(
                f"{where}: {name} of shape {array.shape} for {steps} rewards: an episode has "
                f"steps, and here they need {wanted}; dump the buffer again"
            )


def _observations(path: str, names: Collection[str], read: Read, number: int) -> FloatArray:
    whole = f"observations_{number}"
    tuples = takewhile(lambda name: name in names, (f"{whole}_{part}" for part in count()))
    found = [whole] if whole in names else list(tuples)
    if not found:
        raise InputError(f"{path!r} lacks {whole}: every episode has them; dump the buffer again")
    return np.concatenate([as_vectors(path, name, read(name)) for name in found], axis=-1)
