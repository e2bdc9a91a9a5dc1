from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.convert import convert
from envs.formats.hdf5.d4rl import read_d4rl
from envs.formats.minari import output as minari_output
from envs.formats.minari.store import read_recording
from envs.formats.npz import read_arrays
from envs.reference import Reference
from harness.core.classes.reading import Reading
from harness.core.errors import InputError
from tests.envs.formats.layouts import (
    Arrays,
    as_recording,
    assert_rows,
    walk,
    without,
    write_d4rl,
    write_npz,
)

pytestmark = pytest.mark.usefixtures("empty_root")
WALK = walk(5, 7, 4, terminated=(1,))


def as_type(arrays: Arrays, dtype: type) -> Arrays:
    return {
        name: array.astype(dtype) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    action_dim=st.integers(0, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
    weighted=st.booleans(),
    seeded=st.booleans(),
    data=st.data(),
)
def test_round_trip(
    empty_root: Path,
    lengths: list[int],
    action_dim: int,
    dtype: type,
    weighted: bool,
    seeded: bool,
    data: st.DataObject,
) -> None:
    terminated = data.draw(st.sets(st.integers(0, len(lengths) - 1)))
    rows = walk(*lengths, terminated=tuple(sorted(terminated)), action_dim=action_dim)
    arrays = as_type(rows, dtype)
    if weighted:
        arrays["weights"] = np.random.default_rng(0).uniform(0.5, 2, size=sum(lengths))
    seeds = tuple(range(len(lengths))) if seeded else ()
    dataset_id = f"converted/{len(list(empty_root.rglob('data')))}-v0"
    folder = convert(as_recording(arrays, seeds=seeds), dataset_id)
    assert folder == empty_root / dataset_id
    read = read_recording(dataset_id)
    assert_rows(read, arrays)
    assert read.seeds == seeds
    assert read.action_count == (3 if action_dim == 0 else None)
    if not weighted:
        assert (read.weights == 1).all()


@pytest.mark.parametrize("built", [False, True])
def test_d4rl_file_to_minari(tmp_path: Path, built: bool) -> None:
    rows = without(WALK, "next_observations") if built else WALK
    recording = read_d4rl(write_d4rl(tmp_path / "door-human-v1.hdf5", rows))
    convert(recording, "converted/door/human-v1")
    read = read_recording("converted/door/human-v1")
    assert_rows(read, {name: getattr(recording, name) for name in WALK})
    assert read.reference == recording.reference
    dataset = minari.load_dataset("converted/door/human-v1")
    assert dataset.observation_space == Box(-np.inf, np.inf, (3,), np.float32)
    assert dataset.action_space == Box(-np.inf, np.inf, (2,), np.float32)
    kept = json.loads(dataset.storage.metadata["bellman_bench"])
    assert kept["source"] == "door-human-v1.hdf5"
    assert tuple(kept["notes"]) == recording.notes


def test_rows_without_episodes_become_episodes_of_one_step(
    tmp_path: Path,
) -> None:
    ordered = without(walk(4, terminated=(0,), action_dim=0), "truncations", "episodes")
    rows = {name: array[[2, 0, 3, 1]] for name, array in ordered.items()}
    recording = read_arrays(write_npz(tmp_path / "rows.npz", rows))
    convert(recording, "converted/set-v0")
    read = read_recording("converted/set-v0")
    ends = {"episodes": np.arange(4), "truncations": ~rows["terminations"]}
    assert_rows(read, {**rows, **ends})
    assert isinstance(minari.load_dataset("converted/set-v0").action_space, Discrete)


@pytest.fixture
def four(tmp_path: Path) -> str:
    """Two episodes of two rows, the array that ends them called ``cut``."""
    rows = without(walk(2, 2, action_dim=0), "episodes", "truncations")
    rows["cut"] = np.array([False, True, False, True])
    return write_npz(tmp_path / "rows.npz", rows)


def test_many_rows_without_episodes_are_refused_and_the_remedy_works(
    empty_root: Path, four: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = replace(read_arrays(four), episodes=None)
    convert(recording, "converted/few-v0")
    monkeypatch.setattr(minari_output, "MOST_ONE_STEP", 3)
    with pytest.raises(InputError, match=r"4 rows would .*keep the .* --map truncations=NAME"):
        convert(recording, "converted/set-v0")
    with pytest.raises(InputError, match=r"4 rows would .*every command reads$"):
        convert(read_recording("converted/few-v0"), "converted/set-v0")
    assert not (empty_root / "converted" / "set-v0").exists()
    convert(read_arrays(four, Reading(map={"truncations": "cut"})), "converted/set-v0")
    assert len(read_recording("converted/set-v0")) == 4


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"next_observations": np.roll(WALK["next_observations"], 1, axis=0)}, "at 13 rows"),
        ({"terminations": WALK["terminations"] | (np.arange(16) == 2)}, "row 2 is terminated"),
    ],
)
def test_rows_that_no_episode_can_hold_are_refused(
    empty_root: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        convert(as_recording({**WALK, **changes}), "converted/rows-v0")
    assert "'made by hand'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(empty_root.rglob("data"))


def test_environment_is_kept_where_it_can_be_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = Reference(environment_id="CartPole-v1", reference_min=9.0, reference_max=500.0)
    rows = walk(3, action_dim=0, obs_dim=4)
    convert(as_recording(rows, reference=known), "converted/known-v0")
    assert read_recording("converted/known-v0").reference == known
    unknown = known.model_copy(update={"environment_id": "NoSuch-v0"})
    with caplog.at_level(logging.WARNING, logger="bellman_bench"):
        convert(as_recording(rows, reference=unknown), "converted/unknown-v0")
    assert "NoSuch-v0" in caplog.text
    read = read_recording("converted/unknown-v0").reference
    assert (read.environment_id, read.reference_max) == (None, 500.0)


def test_ids_that_are_taken_or_unusable_are_refused() -> None:
    convert(as_recording(WALK), "converted/rows-v0")
    with pytest.raises(InputError, match="never overwritten"):
        convert(as_recording(WALK), "converted/rows-v0")
    with pytest.raises(InputError, match="namespace/name-vN"):
        convert(as_recording(WALK), "rows")
