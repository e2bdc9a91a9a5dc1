"""The same arrays are the same rows, episodes and findings, whatever file they stand in."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from envs.convert import convert
from envs.formats.recording import Recording
from envs.inspection.inspect import inspect
from envs.loading import open_recording
from tests.envs.formats.layouts import Arrays, assert_rows, walk, without, write_csv, write_npz

TOLD = ("truncations", "episodes", "episode_ends", "dones")
NAMES = (
    "observations",
    "actions",
    "rewards",
    "next_observations",
    "terminations",
    "truncations",
    "weights",
)


def write_all(folder: Path, arrays: Arrays) -> list[str]:
    """Write arrays as a file of each kind that holds arrays by name."""
    with h5py.File(folder / "rows.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    npz = write_npz(folder / "rows.npz", arrays)
    return [npz, str(folder / "rows.h5"), write_csv(folder / "rows.csv", arrays)]


def assert_same(found: Recording, expected: Recording) -> None:
    assert_rows(found, {name: getattr(expected, name) for name in NAMES})
    assert found.action_count == expected.action_count
    np.testing.assert_array_equal(found.episodes, expected.episodes)
    assert inspect(found).problems == inspect(expected).problems
    assert inspect(found).remarks == inspect(expected).remarks


def exact(arrays: Arrays) -> Arrays:
    """Arrays in double precision, in which a table's text gives them back."""
    return {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }


@st.composite
def rows(draw: st.DrawFn) -> Arrays:
    """Played rows, of which a file tells more or less."""
    lengths = [draw(st.integers(2, 6)), *draw(st.lists(st.integers(1, 6), max_size=4))]
    ended = draw(st.sets(st.integers(0, len(lengths) - 1)))
    action_dim = draw(st.sampled_from([0, 1, 3]))
    made = walk(*lengths, terminated=tuple(ended), action_dim=action_dim, seed=sum(lengths))
    if action_dim == 0:
        made["actions"] %= 2  # there are never more actions than rows
    ends = made["terminations"] | made["truncations"]
    whole = exact(made) | {"episode_ends": ends, "dones": ends}
    told = draw(st.sets(st.sampled_from(TOLD)))
    left_out = set(TOLD) - told | draw(st.sampled_from([set(), {"next_observations"}]))
    return without(whole, *left_out)


@settings(max_examples=40)
@given(arrays=rows())
def test_every_file_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, arrays: Arrays
) -> None:
    told = {*TOLD, "next_observations"} & arrays.keys()
    assume(told or arrays["terminations"].all())
    folder = tmp_path_factory.mktemp("files")
    first, *others = [open_recording(path) for path in write_all(folder, arrays)]
    for other in others:
        assert_same(other, first)
    if first.episodes is None:
        return  # a Minari dataset has episodes
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder))
        convert(first, "same/rows-v0")
        assert_same(open_recording("same/rows-v0"), first)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(2, 6), min_size=2, max_size=5), data=st.data())
def test_the_chain_tells_the_episodes_that_were_played(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], data: st.DataObject
) -> None:
    """No flag of truncations and no number: only that what follows is the next row, or not."""
    ended = data.draw(st.sets(st.integers(0, len(lengths) - 1)))
    played = walk(*lengths, terminated=tuple(ended), action_dim=0)
    bare = without(played, "truncations", "episodes")
    for path in write_all(tmp_path_factory.mktemp("chain"), bare):
        found = open_recording(path)
        np.testing.assert_array_equal(found.episodes, played["episodes"])
        np.testing.assert_array_equal(found.truncations, played["truncations"])


@settings(max_examples=10)
@given(seed=st.integers(0, 99))
def test_rows_of_a_set_have_no_episodes_in_any_file(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(40)
    bare = without(walk(20, 20, terminated=(1,), action_dim=0), "truncations", "episodes")
    shuffled = {name: array[order] for name, array in exact(bare).items()}
    for path in write_all(tmp_path_factory.mktemp("set"), shuffled):
        found = open_recording(path)
        assert found.episodes is None
        np.testing.assert_array_equal(found.rewards, shuffled["rewards"])
