"""Defects planted in one hundredth to all of sound data are found, and none in sound data."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from envs.formats.recording import Recording
from envs.inspection.defects import find_problems
from envs.inspection.statistics import Statistics
from envs.loading import open_recording
from tests.support.graded import (
    FILE_GRADES,
    FILES,
    GRADED,
    GRADES,
    Arrays,
    as_arrays,
    file_without_next,
)
from tests.support.recordings import play, point_mass


def problems(recording: Recording) -> str:
    return "\n".join(find_problems(Statistics(recording)))


def write(path: Path, arrays: Arrays) -> str:
    if path.suffix == ".npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
        return str(path)
    known = {"terminations": "terminals", "truncations": "timeouts"}
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[known.get(name, name)] = array
    return str(path)


@pytest.fixture(scope="module")
def sound() -> dict[str, Recording]:
    return {
        "cartpole": play("CartPole-v1", 0.3, 20),
        "ending": play("CartPole-v1", 1.0, 30),
        "point": point_mass(),
        "limited": play("MountainCar-v0", 0.9, 8),
    }


def test_there_are_many_of_them() -> None:
    assert len(GRADES) + len(FILE_GRADES) >= 60


@pytest.mark.parametrize("kind", ["cartpole", "ending", "point", "limited"])
@pytest.mark.parametrize("suffix", [None, ".npz", ".hdf5"])
@pytest.mark.parametrize("built", [False, True])
def test_nothing_is_found_in_sound_data(
    sound: dict[str, Recording], kind: str, suffix: str | None, built: bool, tmp_path: Path
) -> None:
    recording = sound[kind]
    if suffix is not None:
        arrays = as_arrays(recording)
        path = write(tmp_path / f"file{suffix}", file_without_next(arrays) if built else arrays)
        recording = replace(open_recording(path), reference=recording.reference)
    assert problems(recording) == ""


@pytest.mark.parametrize(("name", "share"), GRADES)
def test_a_planted_defect_is_found(sound: dict[str, Recording], name: str, share: float) -> None:
    kind, plant, _, line = GRADED[name]
    found = problems(plant(sound[kind], share))
    assert len(re.findall(line, found)) == 1, found


@pytest.mark.parametrize(("name", "share"), FILE_GRADES)
def test_a_defect_of_a_file_is_found(
    sound: dict[str, Recording], name: str, share: float, tmp_path: Path
) -> None:
    suffix, plant, _, line = FILES[name]
    path = write(tmp_path / f"file{suffix}", plant(as_arrays(sound["point"]), share))
    found = problems(open_recording(path))
    assert re.search(line, found), found


@pytest.mark.parametrize("continuous", [False, True])
def test_actions_that_only_tell_their_state_are_not_off_a_row(continuous: bool) -> None:
    """States go their own way, and what is done in the next one tells where the last step led."""
    draw = np.random.default_rng(1)
    sound = point_mass()
    steps = draw.normal(size=sound.observations.shape)
    states = np.cumsum(steps, axis=0) + 0.01 * sound.observations
    told = np.tanh(states[:, :2] / 20)
    wandering = replace(
        sound,
        observations=states,
        next_observations=np.append(states[1:], states[:1], axis=0),
        actions=told if continuous else (told[:, 0] > 0).astype(np.int64),
        action_count=None if continuous else 2,
    )
    assert "explains" not in problems(wandering)
