"""Files whose arrays are dropped, renamed, recast, reshaped or filled with nonsense.

Every command's way through a dataset ends well or in one line. ``BELLMAN_BENCH_MUTATIONS`` says how
many files of each format are tried.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from envs.convert import convert
from envs.dataset import make_dataset
from envs.inspection.inspect import inspect
from envs.inspection.report import lines
from envs.loading import open_recording
from envs.regression.datasets import open_tabular, split
from harness.core.errors import InputError
from harness.core.specs import CodebookSpec
from tests.envs.formats.layouts import (
    Arrays,
    as_recording,
    mutants,
    walk,
    write_csv,
    write_d4rl,
    write_npz,
)

pytestmark = pytest.mark.slow
COUNT = int(os.environ.get("BELLMAN_BENCH_MUTATIONS", "100"))  # of each format
SLOWEST = 20.0  # seconds of one file on a busy machine; soundness takes a twentieth of one
NAMES = (
    "observations", "actions", "rewards", "next_observations", "terminations", "truncations",
    "episodes", "episode_starts", "dones", "weights", "masks", "discounts", "obs", "metadata",
    "timeouts", "terminals",
)  # fmt: skip
TYPES = ("i1", "u1", "i8", "u8", "f2", "f4", "f8", "c8", "?", "U3", "S3", "M8[s]")
VALUES = (np.nan, np.inf, -np.inf, 0.0, -1.0, 0.5, 1e300, 2.0**63, -(2.0**63))
METADATA: tuple[Any, ...] = (
    "{", "[]", "{}", '{"action_count": -1}', '{"action_count": 3}', '{"action_count": 10000000000}',
    '{"environment_id": "CartPole-v1", "reference_min": 0, "reference_max": 1}',
    '{"environment_id": 7}', '{"environment_id": "os:CartPole-v1"}', '{"environment_id": "None"}',
    '{"reference_min": NaN}', '{"codebook": {"centres": [[1e999]]}}', '{"codebook": 3}',
)  # fmt: skip


def reshape(array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    shaped: tuple[Callable[[], NDArray[Any]], ...] = (
        lambda: array[:-1],
        lambda: array[:0],
        lambda: np.concatenate([array, array[:1]]),
        lambda: array[..., None],
        lambda: array.reshape(len(array), -1)[:, :1],
        lambda: array.ravel(),
        lambda: array.T.copy(),
        lambda: array.ravel()[0],
        lambda: np.zeros((len(array), 0), array.dtype),
        lambda: array[None],
        lambda: array[::-1].copy(),
    )
    return np.asarray(shaped[int(rng.integers(len(shaped)))]())


def recast(array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    with np.errstate(all="ignore"):
        return array.astype(TYPES[int(rng.integers(len(TYPES)))])


def spoil(array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    spoiled = array.copy()
    rows = rng.integers(max(len(array), 1), size=int(rng.integers(1, 4)))
    with np.errstate(all="ignore"):
        value = np.float64(VALUES[int(rng.integers(len(VALUES)))]).astype(array.dtype)
    spoiled[rows if rng.random() < 0.7 else slice(None)] = value
    return spoiled


def mutate(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    mutated = dict(arrays)
    for _ in range(int(rng.integers(1, 4))):
        name = list(mutated)[int(rng.integers(len(mutated)))]
        other = NAMES[int(rng.integers(len(NAMES)))]
        change = (reshape, recast, spoil)[int(rng.integers(3))]
        match int(rng.integers(5)):
            case 0 if len(mutated) > 1:
                del mutated[name]
            case 1:
                mutated[other] = mutated.pop(name)
            case 2:
                mutated[other] = mutated[name]
            case _:
                with suppress(ValueError, TypeError, IndexError):  # no such array can be made
                    mutated[name] = change(np.asarray(mutated[name]), rng)
    return mutated


def write_numbers(path: Path, arrays: Arrays) -> str:
    """Write what HDF5 can hold, under one name each, but for the group that D4RL's files have."""
    known = {"terminations": "terminals", "truncations": "timeouts"}
    held = {
        known.get(name, name): array
        for name, array in arrays.items()
        if array.dtype.kind not in "UM" and name != "metadata"
    }
    return write_d4rl(path, held, compression=None)


def write_columns(path: Path, arrays: Arrays) -> str:
    """Write what a table can hold, as many rows as the shortest array has."""
    held = {
        name: array for name, array in arrays.items() if array.ndim in (1, 2) and name != "metadata"
    }
    rows = min(map(len, held.values()), default=0)
    return write_csv(path, {name: array[:rows] for name, array in held.items()})


def use(id_or_path: str, number: int) -> None:
    """Inspect a dataset, make transitions of it, and now and then convert it."""
    recording = open_recording(id_or_path)
    assert all("\n" not in line for line in lines(inspect(recording)))
    if number % 4 == 0:
        with suppress(InputError):
            convert(recording, f"mutated/set{number}-v0")
    make_dataset(recording, CodebookSpec(method="bins", size=4) if recording.continuous else None)


def outcome(work: Callable[[], object], number: int) -> bool:
    """Whether a file was accepted; it may be refused in one line only, and soon."""
    begin, refusal = time.monotonic(), ""
    try:
        work()
    except InputError as error:
        refusal = str(error)
    except BaseException as error:
        raise AssertionError(f"mutation {number}: {type(error).__name__}: {error}") from error
    assert "\n" not in refusal, number
    assert time.monotonic() - begin < SLOWEST, number
    return not refusal


def bases(number: int) -> Arrays:
    """Sets with continuous or discrete actions, some without s' or without numbers of episodes."""
    rows = walk(40, 70, 50, terminated=(1,), action_dim=(0, 2)[number % 2])
    left_out = ((), ("next_observations",), ("episodes",), ("episodes", "truncations"))
    return {name: rows[name] for name in rows if name not in left_out[number // 2 % 4]}


@pytest.mark.parametrize(
    ("suffix", "write"),
    [(".npz", write_npz), (".hdf5", write_numbers), (".csv", write_columns)],
    ids=["npz", "hdf5", "csv"],
)
@pytest.mark.usefixtures("empty_root")
def test_flat_files(suffix: str, write: Callable[[Path, Arrays], str], tmp_path: Path) -> None:
    accepted = 0
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        arrays = mutate(bases(number), rng)
        if suffix == ".npz" and number % 5 == 0:
            arrays["metadata"] = np.array(METADATA[int(rng.integers(len(METADATA)))])
        path = write(tmp_path / f"rows{suffix}", arrays)
        accepted += outcome(lambda path=path, number=number: use(path, number), number)  # type: ignore[misc]
    assert 0 < accepted < COUNT


def test_minari_folders(empty_root: Path) -> None:
    accepted = 0
    sound = {size: convert(as_recording(walk(4, 6, action_dim=size)), f"sound/{size}-v0")
             for size in (0, 2)}  # fmt: skip
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        folder = sound[2 * (number % 2)] / "data"
        before = {path: path.read_bytes() for path in folder.iterdir()}
        (mutate_hdf5 if number % 3 else mutate_metadata)(folder, rng)
        dataset_id = str(folder.parent.relative_to(empty_root))
        accepted += outcome(
            lambda dataset_id=dataset_id, number=number: use(dataset_id, number),  # type: ignore[misc]
            number,
        )
        for path, content in before.items():
            path.write_bytes(content)
    assert 0 < accepted < COUNT


def mutate_hdf5(folder: Path, rng: np.random.Generator) -> None:
    with h5py.File(folder / "main_data.hdf5", "r+") as file:
        group = file[f"episode_{rng.integers(2)}"]
        arrays = {name: group[name][()] for name in group if isinstance(group[name], h5py.Dataset)}
        for name in arrays:
            del group[name]
        for name, array in mutate(arrays, rng).items():
            if array.dtype.kind not in "UM" and name not in group:
                group[name] = array


def mutate_metadata(folder: Path, rng: np.random.Generator) -> None:
    path = folder / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    values: tuple[Any, ...] = (None, -1, 0, 10**12, "x", "{}", [], {}, 0.5, True)
    for _ in range(int(rng.integers(1, 3))):
        name = list(metadata)[int(rng.integers(len(metadata)))]
        if rng.random() < 0.3:
            del metadata[name]
        else:
            metadata[name] = values[int(rng.integers(len(values)))]
    path.write_text(json.dumps(metadata), encoding="utf-8")


def test_tables(tmp_path: Path) -> None:
    cells = ("", "nan", "inf", "1e999", "x", '"', '"a,b"', "1,2", "-", "0x1", "1_0", "é", "\r")
    path, accepted = tmp_path / "rows.csv", 0
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        table = [["a", "b", "y"], *np.round(rng.normal(size=(12, 3)), 3).astype(str).tolist()]
        for _ in range(int(rng.integers(1, 4)) * (number % 2)):
            row, column = int(rng.integers(13)), int(rng.integers(3))
            table[row][column] = cells[int(rng.integers(len(cells)))]
        content = "\n".join(map(",".join, table)).encode()
        if number % 2 == 0:
            content = list(mutants(content, 1 + number % 4, number))[-1]
        path.write_bytes(content)
        accepted += outcome(lambda: split(open_tabular(f"{path}#y"), 0), number)
    assert 0 < accepted < COUNT
