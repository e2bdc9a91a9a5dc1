"""Writers of files in the layouts that others use, of data that is known, and their damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from envs.formats.recording import Recording
from envs.reference import Reference

Arrays = dict[str, NDArray[Any]]


def walk(
    *lengths: int,
    terminated: tuple[int, ...] = (),
    obs_dim: int = 3,
    action_dim: int = 2,
    seed: int = 0,
) -> Arrays:
    """Rows of a random walk's episodes, with what follows every step, under canonical names.

    Args:
        lengths: Steps of each episode.
        terminated: Which episodes end in a termination; the others are truncated.
        obs_dim: Numbers in one observation.
        action_dim: Numbers in one action; 0 for actions numbered 0, 1, 2.
        seed: Of the walk.
    """
    rng = np.random.default_rng(seed)
    rows = sum(lengths)
    paths = [rng.normal(size=(length + 1, obs_dim)).cumsum(axis=0) for length in lengths]
    last = np.cumsum(lengths) - 1
    terminations, truncations = np.zeros((2, rows), dtype=bool)
    terminations[last[list(terminated)]] = True
    truncations[np.delete(last, list(terminated))] = True
    actions = rng.normal(size=(rows, action_dim)).astype(np.float32)
    return {
        "observations": np.concatenate([path[:-1] for path in paths]).astype(np.float32),
        "actions": actions if action_dim else rng.integers(3, size=rows),
        "rewards": rng.normal(size=rows).astype(np.float32),
        "next_observations": np.concatenate([path[1:] for path in paths]).astype(np.float32),
        "terminations": terminations,
        "truncations": truncations,
        "episodes": np.repeat(np.arange(len(lengths)), lengths),
    }


def without(arrays: Arrays, *names: str) -> Arrays:
    return {name: array for name, array in arrays.items() if name not in names}


def write_d4rl(path: Path, arrays: Arrays, *, compression: str | None = "gzip") -> str:
    """Write rows as D4RL does: flat and compressed, beside infos and metadata; return the path."""
    known = {"terminations": "terminals", "truncations": "timeouts"}
    with h5py.File(path, "w") as file:
        for name, array in without(arrays, "episodes").items():
            file.create_dataset(known.get(name, name), data=array, compression=compression)
        rows = max((np.size(array) for array in arrays.values()), default=0)
        file.create_dataset("infos/qpos", data=np.zeros((rows, 2)))
        file["metadata/algorithm"] = np.bytes_("SAC")
        file["metadata/iteration"] = np.int32(3)
    return str(path)


def write_npz(path: Path, arrays: Arrays, *, compressed: bool = False) -> str:
    """Write arrays as numpy does; return the path."""
    save: Any = np.savez_compressed if compressed else np.savez
    save(path, **arrays)
    return str(path)


def write_buffer(path: Path, arrays: Arrays) -> str:
    """Write rows as d3rlpy dumps the episodes of a replay buffer; return the path."""
    with h5py.File(path, "w") as file:
        file["columns"] = ["observations", "actions", "rewards", "terminated"]
        file["num_episodes"] = int(arrays["episodes"].max()) + 1
        for number in np.unique(arrays["episodes"]):
            here = arrays["episodes"] == number
            file[f"observations_{number}"] = arrays["observations"][here]
            file[f"actions_{number}"] = arrays["actions"][here].reshape(here.sum(), -1)
            file[f"rewards_{number}"] = arrays["rewards"][here, None]
            file[f"terminated_{number}"] = bool(arrays["terminations"][here].any())
        file["version"] = "2.1"
    return str(path)


def write_csv(path: Path, arrays: Arrays) -> str:
    """Write rows as a table, vectors as numbered columns and flags last; return the path."""
    columns: Arrays = {}
    for name, array in arrays.items():
        numbered = {f"{name}_{number}": column for number, column in enumerate(array.T)}
        columns |= numbered if array.ndim > 1 else {name: array}
    ordered = sorted(columns, key=lambda name: columns[name].dtype == np.bool_)
    pd.DataFrame({name: columns[name] for name in ordered}).to_csv(path, index=False)
    return str(path)


def as_recording(arrays: Arrays, **fields: Any) -> Recording:
    """The rows that a faithful reader gives."""
    rows = len(arrays["rewards"])
    known: dict[str, Any] = {
        "source": "made by hand",
        "weights": np.ones(rows),
        "action_count": None if arrays["actions"].ndim > 1 else 3,
        "reference": Reference(),
        "episodes": None,
    }
    return Recording(**{**known, **arrays, **fields})


def assert_rows(recording: Recording, arrays: Arrays) -> None:
    """Compare the named arrays, types included."""
    for name, expected in arrays.items():
        found = getattr(recording, name)
        np.testing.assert_array_equal(found, expected, err_msg=name)
        assert found.dtype == expected.dtype, name


def mutants(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Damage a file's content, a way at a time."""
    rng = np.random.default_rng(seed)
    size = len(content)
    for number in range(count):
        damaged = bytearray(content)
        first, second = (int(place) for place in rng.integers(size, size=2))
        span = min(int(rng.integers(1, 64)), size - max(first, second))
        here, there = slice(first, first + span), slice(second, second + span)
        match number % 4:
            case 0:
                for place in rng.integers(size, size=rng.integers(1, 4)):
                    damaged[place] ^= 1 << int(rng.integers(8))
            case 1:
                del damaged[first:]
            case 2:
                damaged[here] = bytes(span)
            case 3:
                damaged[here], damaged[there] = damaged[there], damaged[here]
        yield bytes(damaged)
