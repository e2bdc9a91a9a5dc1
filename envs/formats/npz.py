"""Reader of ``.npz`` files with arrays of transitions, under various names."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.formats.arrays import as_actions, as_flags, as_integers, as_scalars, as_vectors
from envs.formats.base import NO_NAMES, Format
from envs.formats.columns import Columns
from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.arrays import BoolArray
from harness.core.errors import InputError, unknown_name
from harness.core.storage.npz import load_arrays

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "observations": ("observations", "obs", "states", "state"),
        "actions": ("actions", "acts", "action"),
        "rewards": ("rewards", "rews", "reward"),
        "next_observations": ("next_observations", "next_obs", "next_states", "observations_next"),
        "terminations": ("terminations", "terminals", "terminated"),
        "truncations": ("truncations", "timeouts", "truncated"),
        "dones": ("dones", "done"),
        "episodes": ("episodes", "episode_ids"),
        "episode_starts": ("episode_starts",),
        "weights": ("weights",),
    }
)
"""Standard names of arrays, and the alternative names that are recognised."""

_FLAGS: tuple[str, ...] = ("terminations", "truncations", "dones")
_REQUIRED = ("observations", "actions", "rewards")
Arrays = dict[str, NDArray[Any]]


class NpzFormat(Format):
    """NumPy ``.npz`` files with one array per field, under common or mapped names."""

    name: ClassVar[str] = "npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    takes_names: ClassVar[bool] = True

    def read(self, path: str, names: Mapping[str, str] = NO_NAMES) -> Recording:
        """Read the arrays; see `read_arrays`."""
        return read_arrays(path, names)


def read_arrays(path: str, mapping: Mapping[str, str] = NO_NAMES) -> Recording:
    """Read rows from an ``.npz`` of arrays, including those that `Transitions.save` wrote.

    ``dones`` mark the ends of episodes by termination or truncation: with ``truncations``, the
    others are terminations. ``episode_starts`` are flags ``(N,)`` or the rows ``(E,)`` where
    episodes start; ``episodes`` are integers ``(N,)``, equal and contiguous within an episode.
    Without any of these, episodes are unknown. See `Columns.to_recording` for missing next
    observations. A JSON string ``metadata`` may have ``action_count`` and the fields of
    `Reference`.

    Args:
        path: Path of the file.
        mapping: Names of arrays by standard name, a key of `NAMES`, if not recognised.

    Raises:
        InputError: If the file is missing or damaged, contains pickles, or lacks an array.
    """
    _check_archive(path)
    try:
        arrays, metadata = load_arrays(Path(path))
    except (MemoryError, RecursionError) as error:
        raise InputError(
            f"{path!r} cannot be held ({type(error).__name__}): its arrays or metadata claim more "
            "than memory has room for; write smaller ones"
        ) from error
    names = _find_names(path, arrays, mapping)
    named = {canonical: arrays.pop(name) for canonical, name in names.items()}
    found = "; ".join(
        [", ".join(f"{canonical} from {name!r}" for canonical, name in names.items())]
        + ([f"not read: {', '.join(map(repr, arrays))}"] if arrays else [])
    )
    arrays.clear()  # free memory
    columns = _to_columns(path, named, found)
    return columns.to_recording(Reference.parse(metadata, path), _action_count(path, metadata))


def _check_archive(path: str) -> None:
    """Verify the checksum of every member; numpy does not notice a damaged directory."""
    if not Path(path).is_file():
        raise InputError(f"no file {path!r}: give the path of an existing .npz")
    damage = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
    try:
        with Path(path).open("rb") as file, zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
            if len(archive.infolist()) != _count_members(file, archive):
                damaged = damaged or "list of arrays"
    except (*damage, LookupError, ValueError) as error:
        raise InputError(
            f"{path!r} cannot be read ({type(error).__name__}: {' '.join(str(error).split())}): it "
            "must be a sound .npz; write it again"
        ) from error
    if damaged:
        raise InputError(f"{path!r}: {damaged!r} is damaged; write the file again")


def _count_members(file: IO[bytes], archive: zipfile.ZipFile) -> int:
    """Return the number of members given at the end of the file.

    `zipfile` does not compare it with its list, which may lack an array after damage.
    """
    file.seek(-12 - len(archive.comment), os.SEEK_END)
    return int.from_bytes(file.read(2), "little")


def _find_names(path: str, arrays: Arrays, mapping: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the file's arrays by standard name."""
    _check_mapping(path, arrays, mapping)
    names = {}
    for canonical, known in NAMES.items():
        found = [name for name in known if name in arrays and name not in mapping.values()]
        if canonical in mapping:
            found = [mapping[canonical]]
        if len(found) > 1:
            raise InputError(
                f"{path!r} has {' and '.join(map(repr, found))}, which both mean {canonical}; "
                f"choose one by the mapping {canonical}={found[0]}"
            )
        if found:
            names[canonical] = found[0]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        held = ", ".join(map(repr, sorted(arrays)))
        raise InputError(
            f"{path!r} lacks {', '.join(missing)}: among its arrays {held} none has a known name; "
            f"rename yours, or let `inspect` and `convert` --map {missing[0]}=NAME"
        )
    return names


def _check_mapping(path: str, arrays: Arrays, mapping: Mapping[str, str]) -> None:
    for canonical, name in mapping.items():
        if canonical not in NAMES:
            raise unknown_name("key of the mapping", canonical, NAMES)
        if name not in arrays:
            raise unknown_name(f"array of {path!r}", name, arrays)
        if list(mapping.values()).count(name) > 1:
            raise InputError(
                f"mapping gives array {name!r} two meanings: each array has one; leave one out"
            )


def _to_columns(path: str, named: Arrays, found: str) -> Columns:
    following, weights = named.get("next_observations"), named.get("weights")
    flags = {name: as_flags(path, name, named[name]) for name in _FLAGS if name in named}
    notes = [found]
    terminations, truncations = _split_dones(path, flags, notes)
    return Columns(
        source=path,
        observations=as_vectors(path, "observations", named["observations"]),
        actions=as_actions(path, named["actions"]),
        rewards=as_scalars(path, "rewards", named["rewards"]),
        terminations=terminations,
        truncations=truncations,
        next_observations=(
            None if following is None else as_vectors(path, "next_observations", following)
        ),
        ends=_find_ends(path, named, notes),
        weights=None if weights is None else as_scalars(path, "weights", weights),
        notes=notes,
    )


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
                f"{path!r} lacks terminations: they must be given, even if all are false; add "
                "them, or let `inspect` and `convert` --map terminations=NAME"
            )
        return terminations, truncations
    if terminations is not None:
        return terminations, _agreed_truncations(path, dones, terminations, truncations, notes)
    if truncations is None:
        raise InputError(
            f"{path!r}: dones may mark time limits as well as terminations, and only terminations "
            "end bootstrapping; map terminations=dones if no time limit is among them, or add "
            "truncations"
        )
    if (dones & truncations).any() and (truncations & ~dones).any():
        raise InputError(
            f"{path!r}: some truncated rows are done and others are not, so that dones do not "
            "determine terminations; add terminations"
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
            f"{np.flatnonzero(dones != merged)[0]}; correct them or leave dones out"
        )
    return truncations


def _find_ends(path: str, named: Arrays, notes: list[str]) -> BoolArray | None:
    """Return the last rows of episodes, if the file has episode boundaries."""
    ends = _ends_of_starts(path, named) if "episode_starts" in named else None
    if "episodes" not in named:
        return ends
    numbered = _ends_of_numbers(path, named, notes)
    if ends is not None and numbered is not None and not np.array_equal(ends, numbered):
        raise InputError(
            f"{path!r}: episodes and episode_starts disagree on where episodes end; leave one out"
        )
    return numbered


def _ends_of_numbers(path: str, named: Arrays, notes: list[str]) -> BoolArray | None:
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
    notes.append(f"{found}; taken as a set without episodes")
    return None


def _ends_of_starts(path: str, named: Arrays) -> BoolArray:
    values, rows = named["episode_starts"], len(named["actions"])
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


def _action_count(path: str, metadata: Mapping[str, Any]) -> int | None:
    count = metadata.get("action_count")
    if count is None or (type(count) is int and count > 0):
        return count
    raise InputError(
        f"{path!r}: action_count {count!r} in the metadata must be a positive integer; correct it "
        "or leave it out"
    )
