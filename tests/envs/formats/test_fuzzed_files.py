"""Files with bytes flipped, lost, zeroed or swapped are read right, or refused in one line."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from envs.convert import convert
from envs.formats.hdf5.d4rl import read_d4rl
from envs.formats.minari.store import read_recording
from envs.formats.npz import read_arrays
from envs.formats.recording import Recording
from envs.loading import open_recording
from harness.core.errors import InputError
from tests.envs.formats.layouts import (
    Arrays,
    as_recording,
    assert_rows,
    mutants,
    walk,
    without,
    write_buffer,
    write_csv,
    write_d4rl,
    write_npz,
)

SLOWEST = 5.0  # seconds that one file may take on a busy machine; soundness takes milliseconds
ROOM = 1 << 28  # bytes of address space that reading may take
WALK = walk(5, 7, 4, terminated=(1,))
NUMBERED = walk(5, 7, 4, terminated=(1,), action_dim=0)
BUILT = ("next_observations",)
JUMPS = ("truncations", "episodes")
NAMES = ("observations", "actions", "rewards", "next_observations", "terminations", "truncations")
Reader = Callable[[str], Recording]


def read_mutants(path: str, read: Reader, count: int, seed: int) -> list[Recording]:
    """Read mutants in place of the file; return the recordings of those that were accepted.

    Raises:
        AssertionError: If a reader takes too long or too much memory, or its error has several
            lines.
    """
    file, accepted, refusals = Path(path), [], []
    for mutant in mutants(file.read_bytes(), count, seed):
        file.write_bytes(mutant)
        begin = time.monotonic()
        try:
            accepted.append(read(path))
        except InputError as error:
            refusals.append(str(error))
        assert time.monotonic() - begin < SLOWEST
    assert not any("\n" in refusal or "memory" in refusal.lower() for refusal in refusals)
    assert len(accepted) < count  # some damage was seen
    return accepted


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Make a reader that takes what damaged sizes claim fail, rather than fill the machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    in_use = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (in_use + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(
    ("rows", "compressed"),
    [
        (WALK, False),
        (WALK, True),
        (without(WALK, *BUILT), False),
        (without(WALK, *JUMPS), True),
        (NUMBERED, False),
    ],
)
def test_npz_checksums_leave_no_damage_unseen(
    tmp_path: Path, rows: Arrays, compressed: bool
) -> None:
    path = write_npz(tmp_path / "rows.npz", rows, compressed=compressed)
    original = read_arrays(path)
    expected = {name: getattr(original, name) for name in NAMES}
    accepted = read_mutants(path, read_arrays, 240, seed=len(rows))
    assert accepted  # fields that no reader uses may change
    for recording in accepted:
        assert_rows(recording, expected)
        assert recording.notes == original.notes


@pytest.mark.parametrize(
    ("rows", "compression"),
    [
        (WALK, None),
        (WALK, "gzip"),
        (without(WALK, *BUILT), "gzip"),
        (without(WALK, *JUMPS), None),
        (without(NUMBERED, *BUILT), None),
    ],
)
def test_damaged_d4rl_files_are_read_or_refused(
    tmp_path: Path, rows: Arrays, compression: str | None
) -> None:
    path = write_d4rl(tmp_path / "hopper-medium-v2.hdf5", rows, compression=compression)
    for recording in read_mutants(path, read_d4rl, 160, seed=len(rows)):
        assert 0 < len(recording) <= len(WALK["rewards"])  # no row is made up


@pytest.mark.parametrize("rows", [WALK, NUMBERED])
@pytest.mark.parametrize(("name", "write"), [("a.csv", write_csv), ("a.h5", write_buffer)])
def test_damaged_tables_and_buffers_are_read_or_refused(
    tmp_path: Path, rows: Arrays, name: str, write: Callable[[Path, Arrays], str]
) -> None:
    for recording in read_mutants(write(tmp_path / name, rows), open_recording, 160, seed=0):
        assert 0 < len(recording) <= len(WALK["rewards"])  # no row is made up


@pytest.mark.parametrize("rows", [WALK, NUMBERED])
def test_damaged_minari_files_are_read_or_refused(empty_root: Path, rows: Arrays) -> None:
    folder = convert(as_recording(rows), "damaged/rows-v0")

    def read(_: str) -> Recording:
        return read_recording("damaged/rows-v0")

    assert len(read("")) == len(rows["rewards"])
    assert empty_root in folder.parents
    for recording in read_mutants(str(folder / "data" / "main_data.hdf5"), read, 160, seed=0):
        assert len(recording) == len(rows["rewards"])  # as the metadata say
    for recording in read_mutants(str(folder / "data" / "metadata.json"), read, 160, seed=1):
        assert len(recording) == len(rows["rewards"])
