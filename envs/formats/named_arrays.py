"""Arrays of a file under various names, turned into columns of a recording."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.formats.arrays import (
    as_flags,
    as_integers,
    as_scalars,
    as_vectors,
    contradictions,
)
from envs.formats.columns import Columns
from harness.core.arrays import BoolArray
from harness.core.errors import InputError, unknown_name

Arrays = dict[str, NDArray[Any]]

NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "observations": ("observations", "observation", "obs", "states", "state"),
        "actions": ("actions", "acts", "action"),
        "rewards": ("rewards", "rews", "reward"),
        "next_observations": (
            "next_observations",
            "next_observation",
            "next_obs",
            "next_states",
            "next_state",
            "observations_next",
        ),
        "terminations": ("terminations", "terminals", "terminated", "terminal"),
        "truncations": ("truncations", "timeouts", "truncated", "timeout"),
        "dones": ("dones", "done"),
        "episodes": ("episodes", "episode_ids", "episode", "episode_id"),
        "episode_starts": ("episode_starts",),
        "episode_ends": ("episode_ends", "episode_terminals"),
        "weights": ("weights", "weight"),
        "masks": ("masks",),
        "discounts": ("discounts",),
    }
)
"""Standard names of arrays, and the alternative names that are recognised."""

_FLAGS: Final[tuple[str, ...]] = ("terminations", "truncations", "dones")
_REQUIRED: Final = ("observations", "actions", "rewards")


def find_names(
    path: str, held: Collection[str], mapping: Mapping[str, str], remedy: str = ""
) -> dict[str, str]:
    """Return the names of a file's arrays by standard name.

    Args:
        path: The file, for error messages.
        held: The names of all its arrays.
        mapping: The user's names by standard name, a key of `NAMES`; an empty one is not read.
        remedy: A further remedy where an array is missing.

    Raises:
        InputError: If an array is missing, a name is unknown, or several mean the same.
    """
    _check_mapping(path, held, mapping)
    names = {}
    for canonical, known in NAMES.items():
        found = [name for name in known if name in held and name not in mapping.values()]
        if canonical in mapping:
            found = [mapping[canonical]] if mapping[canonical] else []
        if len(found) > 1:
            raise InputError(
                f"{path!r} has {' and '.join(map(repr, found))}, which both mean {canonical}; "
                f"choose one by --map {canonical}={found[0]} (map in a suite or a Reading)"
            )
        if found:
            names[canonical] = found[0]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise InputError(
            f"{path!r} lacks {', '.join(missing)}: it holds "
            f"{', '.join(map(repr, sorted(held)))}, and none by a name that is known for them; "
            f"{_name_it(missing[0])}{remedy}"
        )
    return names


def note_names(names: Mapping[str, str], held: Iterable[str]) -> str:
    """Say which of a file's arrays are read as what, and which are not read."""
    others = [name for name in held if name not in names.values()]
    read = ", ".join(f"{canonical} from {name!r}" for canonical, name in names.items())
    return f"{read}; not read: {', '.join(map(repr, others))}" if others else read


def to_columns(path: str, named: Arrays, note: str) -> Columns:
    """Check and cast arrays by standard name, and find the ends of episodes that they tell.

    ``dones`` mark the ends of episodes by termination or truncation: with ``truncations``, the
    others are terminations. ``episode_starts`` are flags ``(N,)`` or the rows ``(E,)`` where
    episodes start, ``episode_ends`` flags of last rows; ``episodes`` are integers ``(N,)``, equal
    and contiguous within an episode.

    Args:
        path: The file, for error messages.
        named: Its arrays by standard name.
        note: The first note on the file, as from `note_names`.

    Raises:
        InputError: If an array has another type or shape, or arrays contradict each other.
    """
    following, weights = named.get("next_observations"), named.get("weights")
    flags = {name: as_flags(path, name, named[name]) for name in _FLAGS if name in named}
    notes = [note]
    terminations, truncations = _split_dones(path, flags, notes)
    problems = list(contradictions(named, terminations))
    return Columns(
        source=path,
        observations=as_vectors(path, "observations", named["observations"]),
        actions=named["actions"],
        rewards=as_scalars(path, "rewards", named["rewards"]),
        terminations=terminations,
        truncations=truncations,
        next_observations=(
            None if following is None else as_vectors(path, "next_observations", following)
        ),
        ends=_find_ends(path, named, problems),
        weights=None if weights is None else as_scalars(path, "weights", weights),
        notes=notes,
        problems=problems,
    )


def _check_mapping(path: str, held: Collection[str], mapping: Mapping[str, str]) -> None:
    given = [name for name in mapping.values() if name]
    for canonical, name in mapping.items():
        if canonical not in NAMES:
            raise unknown_name("key of the mapping", canonical, NAMES)
        if name and name not in held:
            raise unknown_name(f"array of {path!r}", name, held)
        if given.count(name) > 1:
            raise InputError(
                f"mapping gives array {name!r} two meanings: each array has one; leave one out"
            )


def _name_it(canonical: str) -> str:
    return f"add it, or name yours by --map {canonical}=NAME (map in a suite or a Reading)"


def _split_dones(
    path: str, flags: Mapping[str, BoolArray], notes: list[str]
) -> tuple[BoolArray, BoolArray | None]:
    """Return terminations and truncations, separated where ``dones`` merge them."""
    if len({len(array) for array in flags.values()}) > 1:
        lengths = ", ".join(f"{len(array)} {name}" for name, array in flags.items())
        raise InputError(f"{path!r}: {lengths}: lengths must agree; check how they were sliced")
    terminations, truncations = flags.get("terminations"), flags.get("truncations")
    dones = flags.get("dones")
    if dones is None:
        if terminations is None:
            raise InputError(
                f"{path!r} lacks terminations: they must be given, even if all are false; "
                f"{_name_it('terminations')}"
            )
        return terminations, truncations
    if terminations is not None:
        return terminations, _agreed_truncations(path, dones, terminations, truncations, notes)
    if truncations is None:
        raise InputError(
            f"{path!r}: dones may mark time limits as well as terminations, and only terminations "
            "end bootstrapping; add truncations, or, if no time limit is among them, say --map "
            "terminations=NAME of the dones (map in a suite or a Reading)"
        )
    if (dones & truncations).any() and (truncations & ~dones).any():
        raise InputError(
            f"{path!r}: some truncated rows are done and others are not, so that dones do not "
            "determine terminations; add terminations, or leave an array out, as by --map dones="
        )
    notes.append("terminations are the dones that are no truncations")
    return dones & ~truncations, truncations


def _agreed_truncations(
    path: str,
    dones: BoolArray,
    terminations: BoolArray,
    truncations: BoolArray | None,
    notes: list[str],
) -> BoolArray:
    if truncations is None:
        notes.append("truncations are the dones that are no terminations")
        truncations = dones & ~terminations
    merged = terminations | truncations
    if not np.array_equal(dones, merged) and not np.array_equal(dones, terminations):
        raise InputError(
            f"{path!r}: dones disagree with terminations and truncations, first at row "
            f"{np.flatnonzero(dones != merged)[0]}; correct them, or leave them out by --map dones="
        )
    return truncations


def _find_ends(path: str, named: Arrays, problems: list[str]) -> BoolArray | None:
    """Return the last rows of episodes, if the file has episode boundaries."""
    told: dict[str, BoolArray] = {}
    if "episode_starts" in named:
        told["episode_starts"] = _ends_of_starts(path, named)
    if "episode_ends" in named:
        told["episode_ends"] = as_flags(path, "episode_ends", named["episode_ends"])
    if "episodes" in named:
        numbered = _ends_of_numbers(path, named, problems)
        if numbered is None:
            return None
        told["episodes"] = numbered
    for name, ends in told.items():
        first = next(iter(told))
        if not np.array_equal(ends[:-1], told[first][:-1]):  # the last row always ends one
            raise InputError(
                f"{path!r}: {first} and {name} disagree on where episodes end; leave one out, as "
                f"by --map {name}="
            )
    return next(iter(told.values()), None)


def _ends_of_numbers(path: str, named: Arrays, problems: list[str]) -> BoolArray | None:
    numbers = as_integers(path, "episodes", named["episodes"])
    ends = np.append(np.diff(numbers) != 0, True)[: len(numbers)]
    if np.unique(numbers).size == ends.sum():
        return ends
    found = "rows are shuffled: those of an episode do not stand together"
    if "next_observations" not in named:
        raise InputError(
            f"{path!r}: {found}; sort them by episode and step, or store next_observations, which "
            "cannot be built from such rows"
        )
    problems.append(f"{found}; they are taken as a set without episodes: sort them")
    return None


def _ends_of_starts(path: str, named: Arrays) -> BoolArray:
    values, rows = named["episode_starts"], len(named["rewards"])
    if values.dtype == np.bool_ or (values.size == rows and np.isin(values, (0, 1)).all()):
        starts = as_flags(path, "episode_starts", values)
        return np.append(starts[1:], True)[: len(starts)]
    first = as_integers(path, "episode_starts", values)
    if first.size == 0 or first[0] != 0 or first[-1] >= rows or (np.diff(first) <= 0).any():
        raise InputError(
            f"{path!r}: episode_starts are neither a flag for each row nor ascending row numbers "
            f"from 0 below {rows}; correct them"
        )
    ends = np.zeros(rows, dtype=np.bool_)
    ends[first - 1] = True  # the row before the first is the last
    return ends
