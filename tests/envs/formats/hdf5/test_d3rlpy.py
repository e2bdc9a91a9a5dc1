"""Dumps of d3rlpy give the transitions that d3rlpy itself takes from them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from d3rlpy.dataset import BasicTransitionPicker, MDPDataset
from d3rlpy.dataset.io import load_v1
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.formats.hdf5.d4rl import read_d4rl
from envs.formats.recording import Recording
from harness.core.classes.reading import Reading
from harness.core.errors import InputError
from tests.envs.formats.layouts import Arrays, walk


def dump(path: Path, arrays: Arrays) -> MDPDataset:
    made = MDPDataset(
        arrays["observations"],
        arrays["actions"],
        arrays["rewards"],
        arrays["terminations"].astype(np.float32),
        arrays["truncations"].astype(np.float32),
    )
    content = io.BytesIO()
    made.dump(content)
    path.write_bytes(content.getvalue())
    return made


def assert_taken(found: Recording, episodes: Sequence[Any], discrete: bool) -> None:
    """Compare with what d3rlpy picks: every step that has a next one, or ends its episode."""
    picker = BasicTransitionPicker()
    picked = [
        picker(episode, step) for episode in episodes for step in range(episode.transition_count)
    ]
    numbers = np.concatenate([np.full(e.transition_count, n) for n, e in enumerate(episodes)])
    np.testing.assert_array_equal(found.observations, [each.observation for each in picked])
    actions = np.array([each.action for each in picked])
    np.testing.assert_array_equal(found.actions, actions[:, 0] if discrete else actions)
    np.testing.assert_array_equal(found.rewards, [each.reward[0] for each in picked])
    np.testing.assert_array_equal(found.terminations, [each.terminal for each in picked])
    going_on = ~found.terminations
    following = np.array([each.next_observation for each in picked])
    np.testing.assert_array_equal(found.next_observations[going_on], following[going_on])
    np.testing.assert_array_equal(np.unique(numbers, return_inverse=True)[1], found.episodes)


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(2, 6), min_size=1, max_size=5),
    ended=st.sets(st.integers(0, 4)),
    discrete=st.booleans(),
)
def test_the_episodes_of_a_buffer(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], ended: set[int], discrete: bool
) -> None:
    kept = tuple(number for number in ended if number < len(lengths))
    arrays = walk(*lengths, terminated=kept, action_dim=0 if discrete else 2)
    if discrete:
        arrays["actions"] %= 2  # there are never more actions than rows
    path = tmp_path_factory.mktemp("v2") / "buffer.h5"
    made = dump(path, arrays)
    assert_taken(read_d4rl(str(path)), made.episodes, discrete)


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("flagged", [False, True])
def test_the_flat_arrays_of_version_1(tmp_path: Path, discrete: bool, flagged: bool) -> None:
    arrays = walk(5, 3, 6, terminated=(1,), action_dim=0 if discrete else 2)
    path = tmp_path / "replay.h5"
    with h5py.File(path, "w") as file:
        for name in ("observations", "rewards"):
            file[name] = arrays[name]
        file["actions"] = arrays["actions"][:, None] if discrete else arrays["actions"]
        file["terminals"] = arrays["terminations"].astype(np.float32)
        ends = arrays["terminations"] | arrays["truncations"]
        file["episode_terminals"] = ends.astype(np.float32)
        if flagged:
            file["discrete_action"] = discrete
        file["version"] = "1.0"
    with path.open("rb") as opened:
        episodes = load_v1(opened)
    assert_taken(read_d4rl(str(path)), episodes, discrete)


def test_the_flag_of_version_1_says_what_whole_numbers_are(tmp_path: Path) -> None:
    arrays = walk(6, terminated=(0,), action_dim=0)
    path = tmp_path / "doses.h5"
    with h5py.File(path, "w") as file:
        for theirs, ours in (("terminals", "terminations"), ("episode_terminals", "terminations")):
            file[theirs] = arrays[ours]
        for name in ("observations", "rewards"):
            file[name] = arrays[name]
        file["actions"] = arrays["actions"].astype(np.float32)
        file["discrete_action"] = False
    assert read_d4rl(str(path)).continuous
    assert not read_d4rl(str(path), Reading(actions="discrete")).continuous


def test_tuples_of_observations_are_concatenated(tmp_path: Path) -> None:
    path = tmp_path / "tuples.h5"
    with h5py.File(path, "w") as file:
        file["columns"] = ["observations", "actions", "rewards", "terminated"]
        file["num_episodes"] = 1
        file["observations_0_0"] = np.arange(6.0).reshape(3, 2)
        file["observations_0_1"] = np.array([[7.0], [8.0], [9.0]])
        file["actions_0"] = np.array([[0], [1], [0]])
        file["rewards_0"] = np.ones((3, 1))
        file["terminated_0"] = True
    found = read_d4rl(str(path))
    np.testing.assert_array_equal(found.observations, [[0, 1, 7], [2, 3, 8], [4, 5, 9]])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rewards_1": None}, "lacks rewards_1"),
        ({"observations_0": None}, "lacks observations_0"),
        ({"rewards_1": np.ones((2, 1))}, "episode 1"),
        ({"observations_1": np.ones((3, 9))}, "episode 1: observations of shape"),
        ({"num_episodes": 0}, "holds no episode"),
        ({"num_episodes": 3}, "lacks rewards_2"),
        ({"num_episodes": 1 << 60}, "lacks rewards_2"),
        ({"terminated_0": 2}, "no flags"),
        ({"actions_0": np.array([b"left", b"right"])}, "is of type"),
    ],
)
def test_damaged_dumps_are_refused_by_name(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "buffer.h5"
    dump(path, walk(2, 3, terminated=(1,)))
    with h5py.File(path, "a") as file:
        for name, value in change.items():
            del file[name]
            if value is not None:
                file[name] = value
    with pytest.raises(InputError, match=reason) as caught:
        read_d4rl(str(path))
    assert "\n" not in str(caught.value)


def test_a_buffer_has_names_of_its_own(tmp_path: Path) -> None:
    dump(tmp_path / "buffer.h5", walk(2, 3, terminated=(1,)))
    with pytest.raises(InputError, match="leave out --map"):
        read_d4rl(str(tmp_path / "buffer.h5"), Reading(map={"rewards": "r"}))
