from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.formats.hdf5.d4rl import read_d4rl
from envs.formats.hdf5.d4rl_tasks import find_task
from harness.core.classes.reading import Reading
from harness.core.errors import InputError
from tests.envs.formats.layouts import assert_rows, walk, without, write_d4rl

WALK = walk(5, 7, 4, terminated=(1,))
# Without next observations, the last rows of the truncated episodes 0 and 2 are lost.
KEPT = np.delete(np.arange(16), [4, 15])


def refusal(path: str) -> str:
    with pytest.raises(InputError) as caught:
        read_d4rl(path)
    assert "\n" not in str(caught.value)
    assert path in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("extension", ["hdf5", "h5"])
def test_a_whole_file_gives_its_rows(
    tmp_path: Path, compression: str | None, extension: str
) -> None:
    path = write_d4rl(tmp_path / f"mine.{extension}", WALK, compression=compression)
    recording = read_d4rl(path)
    assert_rows(recording, WALK)
    assert recording.source == path
    assert recording.action_count is None
    assert recording.reference.reference_min is None
    assert (recording.weights == 1).all()


def test_next_observations_are_built_inside_episodes(tmp_path: Path) -> None:
    recording = read_d4rl(write_d4rl(tmp_path / "mine.hdf5", without(WALK, "next_observations")))
    expected = {name: array[KEPT] for name, array in WALK.items()}
    expected["next_observations"][10] = WALK["observations"][11]  # terminated: its own
    expected["truncations"] = np.isin(KEPT, [3, 14])
    assert_rows(recording, expected)
    notes = "; ".join(recording.notes)
    assert "2 rows dropped" in notes
    assert "1 terminated rows have their own observation" in notes


def test_without_timeouts_episodes_end_where_next_observations_jump(tmp_path: Path) -> None:
    recording = read_d4rl(write_d4rl(tmp_path / "mine.hdf5", without(WALK, "truncations")))
    assert_rows(recording, WALK)
    assert "2 episodes taken as truncated" in "; ".join(recording.notes)


def test_rows_that_do_not_follow_each_other_are_a_set(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(16)
    shuffled = {name: array[order] for name, array in without(WALK, "truncations").items()}
    recording = read_d4rl(write_d4rl(tmp_path / "mine.hdf5", shuffled))
    assert recording.episodes is None
    assert_rows(recording, without(shuffled, "episodes"))
    assert "taken as a set" in "; ".join(recording.notes)


def test_without_both_the_name_must_tell_the_time_limit(tmp_path: Path) -> None:
    bare = without(WALK, "truncations", "next_observations")
    assert "timeouts" in refusal(write_d4rl(tmp_path / "mine.hdf5", bare))
    recording = read_d4rl(write_d4rl(tmp_path / "hopper-medium-v0.hdf5", bare))
    assert "truncated after 1000 steps" in "; ".join(recording.notes)
    # Nothing is flagged but the termination at row 11, and the file ends at row 15.
    assert_rows(recording, {"episodes": np.repeat([0, 1], [12, 3])})


@given(
    limit=st.sampled_from([("minigrid-fourrooms-v0", 50), ("pen-expert-v1", 100)]),
    ends=st.sets(st.integers(0, 398), max_size=12),
)
def test_time_limits_cut_as_counting_steps_does(
    tmp_path_factory: pytest.TempPathFactory, limit: tuple[str, int], ends: set[int]
) -> None:
    bare = without(walk(400), "truncations", "next_observations")
    bare["terminations"] = np.isin(np.arange(400), list(ends))
    kept, step = [], 0
    for row in range(400):
        step += 1
        cut = row not in ends and (step == limit[1] or row == 399)
        if not cut:
            kept.append(row)
        if cut or row in ends:
            step = 0
            bare["observations"][row + 1 :] += 100  # the next episode starts elsewhere
    path = tmp_path_factory.mktemp("limit") / f"{limit[0]}.hdf5"
    recording = read_d4rl(write_d4rl(path, bare, compression=None))
    np.testing.assert_array_equal(recording.observations, bare["observations"][kept])
    going_on = ~recording.terminations
    following = bare["observations"][np.array(kept)[going_on] + 1]
    np.testing.assert_array_equal(recording.next_observations[going_on], following)


def test_rows_both_terminated_and_truncated_are_terminated(tmp_path: Path) -> None:
    both = {**WALK, "truncations": WALK["truncations"] | WALK["terminations"]}
    recording = read_d4rl(write_d4rl(tmp_path / "mine.hdf5", without(both, "next_observations")))
    assert len(recording) == 14
    assert recording.terminations.sum() == 1
    assert "1 rows both terminated and truncated" in "; ".join(recording.notes)


@pytest.mark.parametrize(("terminated", "note"), [((), "no row"), ((0, 1, 2), "every row")])
def test_flags_that_never_change_are_noted(
    tmp_path: Path, terminated: tuple[int, ...], note: str
) -> None:
    recording = read_d4rl(write_d4rl(tmp_path / "mine.hdf5", walk(1, 1, 1, terminated=terminated)))
    assert f"{note} is a termination" in recording.notes
    assert len(recording) == 3


def test_numbered_actions_are_counted(tmp_path: Path) -> None:
    numbered = walk(6, action_dim=0)
    numbered["actions"] = np.array([[0], [3], [1], [0], [0], [2]], dtype=np.int32)
    recording = read_d4rl(write_d4rl(tmp_path / "mine.hdf5", numbered))
    assert_rows(recording, {"actions": np.array([0, 3, 1, 0, 0, 2])})
    assert recording.action_count == 4


@pytest.mark.parametrize(
    ("name", "lowest", "highest", "limit"),
    [
        ("hopper-medium-v2", -20.272305, 3234.3, 1000),
        ("walker2d_medium_replay-v2", 1.629008, 4592.3, 1000),
        ("halfcheetah-full-replay-v1", -280.178953, 12135.0, 1000),
        ("ant-random-v0", -325.6, 3879.7, 1000),
        ("maze2d-umaze-v1", 23.85, 161.86, 300),
        ("maze2d-umaze-sparse-v1", 23.85, 161.86, 300),
        ("maze2d-large-dense-v1", 30.569041, 303.4857382709002, 800),
        ("antmaze-umaze-diverse-v2", 0.0, 1.0, 700),
        ("Ant_maze_hardest-maze_noisy_multistart_True_sparse_fixed", 0.0, 1.0, 1000),
        ("door-human-v1", -56.512833, 2880.5693087298737, 200),
        ("pen-cloned-v0", 96.262799, 3076.8331017826877, 100),
        ("hammer-expert-v1", -274.856578, 12794.134825156867, 200),
        ("relocate-human-longhorizon-v1", -6.425911, 4233.877797728884, 500),
        ("kitchen-mixed-v0", 0.0, 4.0, 280),
        ("flow-merge-random-v0", 118.67993, 330.03179, 750),
        ("minigrid-fourrooms-v0", 0.01442, 2.89685, 50),
        ("carla-lane-v0", -0.8503839912088142, 1023.5784385429523, 250),
        ("bullet-ant-expert-v0", 373.705955, 2650.495, 1000),
    ],
)
def test_names_tell_the_task(name: str, lowest: float, highest: float, limit: int) -> None:
    task = find_task(f"data/{name}.hdf5")
    assert task is not None
    assert (task.reference_min, task.reference_max, task.time_limit) == (lowest, highest, limit)


@pytest.mark.parametrize("name", ["hopper", "my-hopper-medium-v2", "hopper-medium-v9", "door-v0"])
def test_other_names_tell_none(name: str) -> None:
    assert find_task(f"hopper-medium-v2/{name}.hdf5") is None


@pytest.mark.parametrize(
    ("name", "obs_dim", "environment_id"),
    [
        ("hopper-medium-v2", 11, "Hopper-v4"),
        ("hopper-medium-v2", 12, None),
        ("ant-medium-v2", 111, None),
        ("door-human-v1", 39, None),
    ],
)
def test_environment_has_the_same_observations(
    tmp_path: Path, name: str, obs_dim: int, environment_id: str | None
) -> None:
    recording = read_d4rl(write_d4rl(tmp_path / f"{name}.hdf5", walk(4, obs_dim=obs_dim)))
    assert recording.reference.environment_id == environment_id
    assert recording.reference.reference_max is not None
    assert ("compare only roughly" in "; ".join(recording.notes)) == (environment_id is not None)


def test_other_names_are_mapped(tmp_path: Path) -> None:
    path = write_d4rl(tmp_path / "mine.hdf5", {**without(WALK, "rewards"), "r": WALK["rewards"]})
    assert "it holds 'actions', 'infos', 'metadata'" in refusal(path)
    assert_rows(read_d4rl(path, Reading(map={"rewards": "r"})), WALK)


@pytest.mark.parametrize("name", ["observations", "actions", "rewards", "terminations"])
def test_missing_arrays_are_named(tmp_path: Path, name: str) -> None:
    message = refusal(write_d4rl(tmp_path / "mine.hdf5", without(WALK, name)))
    assert f"lacks {name}" in message
    assert f"--map {name}=NAME" in message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rewards": WALK["rewards"][:-1]}, "15 rewards for 16 actions"),
        ({"observations": WALK["observations"][:-1]}, "15 observations"),
        ({"rewards": np.array([b"high"] * 16)}, "rewards is of type"),
        ({"rewards": WALK["rewards"] * 1j}, "rewards is of type"),
        ({"rewards": np.ones((16, 2))}, r"rewards of shape \(16, 2\)"),
        ({"rewards": np.float64(1)}, "single value"),
        ({"terminations": np.full(16, 2)}, "no flags"),
        ({"terminations": np.full(16, np.nan)}, "no flags"),
        ({"actions": np.ones((16, 2), dtype=int)}, r"actions of shape \(16, 2\)"),
        ({"actions": np.arange(16) * 1000}, "more actions than rows"),
        ({"observations": WALK["observations"][:, 0]}, "flatten"),
        ({"next_observations": WALK["observations"][:, :1]}, "must agree"),
        ({name: array[:0] for name, array in WALK.items()}, "no row"),
    ],
)
def test_unusable_arrays_are_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    path = write_d4rl(tmp_path / "mine.hdf5", {**WALK, **changes}, compression=None)
    with pytest.raises(InputError, match=reason):
        read_d4rl(path)
    assert refusal(path)


def test_a_missing_file_and_others_are_refused(tmp_path: Path) -> None:
    assert "no file" in refusal(str(tmp_path / "none.hdf5"))
    (tmp_path / "text.hdf5").write_text("no HDF5")
    assert "not a readable HDF5 file" in refusal(str(tmp_path / "text.hdf5"))


def test_values_in_other_files_are_refused(tmp_path: Path) -> None:
    write_d4rl(tmp_path / "other.hdf5", WALK)
    path = write_d4rl(tmp_path / "mine.hdf5", without(WALK, "rewards"))
    with h5py.File(path, "a") as file:
        file["rewards"] = h5py.ExternalLink("other.hdf5", "rewards")
    assert "lies in another file" in refusal(path)
    with h5py.File(path, "a") as file:
        del file["rewards"]
        raw = [(str(tmp_path / "other.hdf5"), 0, 64)]
        file.create_dataset("rewards", shape=(16,), dtype=np.float32, external=raw)
    assert "lies in another file" in refusal(path)


def test_arrays_larger_than_their_file_are_refused_unread(tmp_path: Path) -> None:
    path = write_d4rl(tmp_path / "mine.hdf5", without(WALK, "observations"))
    with h5py.File(path, "a") as file:
        file.create_dataset("observations", (1 << 40, 1 << 10), np.float64, chunks=(1, 1 << 10))
    assert "than its file has room for" in refusal(path)


@pytest.mark.parametrize("built", [False, True])
def test_reading_needs_little_more_than_the_rows(tmp_path: Path, built: bool) -> None:
    rows = walk(*[500] * 100, obs_dim=11)
    path = write_d4rl(tmp_path / "mine.hdf5", without(rows, *["next_observations"] * built))
    tracemalloc.start()
    recording = read_d4rl(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * recording.nbytes
