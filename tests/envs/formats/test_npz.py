from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.format import write_array_header_1_0

from envs.formats.npz import read_arrays
from harness.core.classes.reading import Reading
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.testing.rows import random_transitions
from tests.envs.formats.layouts import Arrays, assert_rows, walk, without, write_npz

WALK = walk(5, 7, 4, terminated=(1,))
BARE = without(WALK, "truncations", "episodes")  # no episodes
STARTS = np.isin(np.arange(16), [0, 5, 12])
DONES = WALK["terminations"] | WALK["truncations"]
SHUFFLED = {name: array[np.random.default_rng(1).permutation(16)] for name, array in WALK.items()}


def notes(path: str, **mapping: str) -> str:
    return "; ".join(read_arrays(path, Reading(map=mapping)).notes)


def problems(path: str) -> str:
    return "; ".join(read_arrays(path).problems)


def refusal(path: str, **mapping: str) -> str:
    with pytest.raises(InputError) as caught:
        read_arrays(path, Reading(map=mapping))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(rows=st.integers(1, 20), seed=st.integers(0, 99), single=st.booleans())
def test_what_transitions_save_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: int, seed: int, single: bool
) -> None:
    path = tmp_path_factory.mktemp("saved") / "saved.npz"
    saved = random_transitions(np.random.default_rng(seed), rows, action_count=3)
    if single:
        values = {name: getattr(saved, name).astype(np.float32) for name in ("rewards", "weights")}
        saved = Transitions(**{**vars(saved), **values})
    metadata = {"environment_id": "CartPole-v1", "reference_min": 9.5, "method": "bellman"}
    saved.save(path, metadata)
    recording = read_arrays(str(path))
    names = ("observations", "actions", "rewards", "next_observations", "terminations", "weights")
    assert_rows(recording, {name: getattr(saved, name) for name in names})
    assert recording.episodes is None
    assert recording.action_count == 3
    assert recording.reference.environment_id == "CartPole-v1"
    assert recording.reference.reference_min == 9.5
    assert recording.reference.reference_max is None


ALIASES = [
    ("obs", "acts", "rews", "next_obs", "terminals", "timeouts"),
    ("states", "action", "reward", "next_states", "terminated", "truncated"),
    ("state", "actions", "rewards", "observations_next", "terminations", "truncations"),
]
CANONICAL = (
    "observations",
    "actions",
    "rewards",
    "next_observations",
    "terminations",
    "truncations",
)


@pytest.mark.parametrize("names", ALIASES)
@pytest.mark.parametrize("compressed", [False, True])
def test_names_of_others_are_known(
    tmp_path: Path, names: tuple[str, ...], compressed: bool
) -> None:
    renamed = {name: WALK[known] for name, known in zip(names, CANONICAL, strict=True)}
    path = write_npz(tmp_path / "rows.npz", renamed, compressed=compressed)
    assert_rows(read_arrays(path), WALK)
    assert f"observations from '{names[0]}', actions from '{names[1]}'" in notes(path)


def test_a_mapping_says_what_names_do_not(tmp_path: Path) -> None:
    renamed = {**without(WALK, "observations"), "x": WALK["observations"], "obs": np.zeros(3)}
    path = write_npz(tmp_path / "rows.npz", renamed)
    assert_rows(read_arrays(path, Reading(map={"observations": "x"})), WALK)
    assert "observations from 'x'" in notes(path, observations="x")
    assert "not read: 'obs'" in notes(path, observations="x")


@pytest.mark.parametrize(
    ("extra", "mapping", "reason"),
    [
        ({"obs": WALK["observations"]}, {}, "observations=observations"),
        ({}, {"observation": "x"}, "did you mean 'observations'"),
        ({}, {"rewards": "rewads"}, "did you mean 'rewards'"),
        ({}, {"rewards": "actions", "weights": "actions"}, "two meanings"),
        ({}, {"rewards": "observations"}, "lacks observations"),
    ],
)
def test_doubtful_names_are_refused(
    tmp_path: Path, extra: Arrays, mapping: dict[str, str], reason: str
) -> None:
    assert reason in refusal(write_npz(tmp_path / "rows.npz", {**WALK, **extra}), **mapping)


def test_an_array_may_be_left_out(tmp_path: Path) -> None:
    late = {**WALK, "terminations": WALK["terminations"], "dones": np.roll(DONES, 1)}
    path = write_npz(tmp_path / "rows.npz", late)
    assert "leave them out by --map dones=" in refusal(path)
    assert_rows(read_arrays(path, Reading(map={"dones": ""})), WALK)


def test_missing_names_are_refused_with_those_there(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "rows.npz", {"x": WALK["observations"], "u": WALK["actions"]})
    message = refusal(path)
    assert "lacks observations, actions, rewards" in message
    assert "'u', 'x'" in message
    assert "'a\\nb'" in refusal(write_npz(tmp_path / "lines.npz", {"a\nb": WALK["rewards"]}))


@pytest.mark.parametrize(
    "told",
    [
        {"truncations": WALK["truncations"]},
        {"episodes": WALK["episodes"]},
        {"episodes": np.array([9, 2, 4])[WALK["episodes"]]},
        {"episode_starts": STARTS},
        {"episode_starts": STARTS.astype(np.float32)[:, None]},
        {"episode_starts": np.flatnonzero(STARTS)},
        {"episode_starts": STARTS, "episodes": WALK["episodes"]},
        {"episode_ends": DONES},
        {"episode_terminals": DONES.astype(np.float32), "episode_starts": STARTS},
        {"dones": DONES},
        {},
        {"dones": DONES, "truncations": WALK["truncations"]},
    ],
)
@pytest.mark.parametrize("built", [False, True])
def test_episodes_are_told_in_many_ways(tmp_path: Path, told: Arrays, built: bool) -> None:
    if built and not told:
        return  # nothing tells them, and nothing is guessed: see below
    known = without(BARE, "next_observations") if built else BARE
    recording = read_arrays(write_npz(tmp_path / "rows.npz", {**known, **told}))
    expected = WALK
    if built:
        kept = np.delete(np.arange(16), [4, 15])
        expected = {name: array[kept] for name, array in WALK.items()}
        expected["next_observations"][10] = WALK["observations"][11]
        expected["truncations"] = np.isin(kept, [3, 14])
    assert_rows(recording, expected)


def test_dones_and_truncations_tell_terminations(tmp_path: Path) -> None:
    merged = {**without(WALK, "terminations", "episodes"), "dones": DONES}
    path = write_npz(tmp_path / "rows.npz", merged)
    assert_rows(read_arrays(path), WALK)
    assert "terminations are the dones that are no truncations" in notes(path)


def test_dones_alone_are_ambiguous(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "rows.npz", {**without(BARE, "terminations"), "dones": DONES})
    assert "--map terminations=NAME" in refusal(path)
    recording = read_arrays(path, Reading(map={"terminations": "dones"}))
    np.testing.assert_array_equal(recording.terminations, DONES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dones": DONES & (np.arange(16) < 9), "terminations": WALK["terminations"]}, "disagree"),
        ({"dones": STARTS}, "dones do not determine terminations"),
        ({"dones": STARTS, "terminations": WALK["terminations"]}, "first at row 4"),
        ({}, "lacks terminations"),
        ({"dones": DONES[:-1]}, "15 dones"),
    ],
)
def test_contradicting_flags_are_refused(tmp_path: Path, changes: Arrays, reason: str) -> None:
    truncations = WALK["truncations"] | STARTS & (np.arange(16) == 0)
    rows = {**without(BARE, "terminations"), "truncations": truncations, **changes}
    assert reason in refusal(write_npz(tmp_path / "rows.npz", rows))


def test_one_episode_may_hold_its_last_observation(tmp_path: Path) -> None:
    single = without(walk(6), "truncations", "episodes")
    path = np.append(single["observations"], single.pop("next_observations")[-1:], axis=0)
    rows = write_npz(tmp_path / "rows.npz", {**single, "observations": path})
    assert_rows(read_arrays(rows), walk(6))
    assert "the observation after its last step" in notes(rows)


def test_several_episodes_may_not(tmp_path: Path) -> None:
    rows = without(WALK, "next_observations")
    rows["observations"] = np.append(rows["observations"], rows["observations"][:1], axis=0)
    assert "17 observations for 16 actions" in refusal(write_npz(tmp_path / "rows.npz", rows))


def test_next_observations_without_episodes_are_not_guessed(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "rows.npz", without(BARE, "next_observations"))
    assert "no timeouts, episode_starts or episodes" in refusal(path)
    every = {**without(BARE, "next_observations"), "terminations": np.ones(16, dtype=bool)}
    recording = read_arrays(write_npz(tmp_path / "ends.npz", every))
    assert len(recording) == 16  # nothing bootstraps: no next observation matters


def test_shuffled_rows_are_a_set_and_never_built_from(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "rows.npz", SHUFFLED)
    recording = read_arrays(path)
    assert recording.episodes is None
    assert_rows(recording, without(SHUFFLED, "episodes"))
    assert "rows are shuffled" in problems(path)
    bare = write_npz(tmp_path / "bare.npz", without(SHUFFLED, "next_observations"))
    assert "rows are shuffled" in refusal(bare)


def test_most_next_observations_of_other_rows_make_a_set(tmp_path: Path) -> None:
    """One row that happens to follow another does not make episodes."""
    astray = {**WALK, "next_observations": WALK["next_observations"] + 1}
    astray["next_observations"][0] = WALK["observations"][1]
    unnumbered = write_npz(tmp_path / "unnumbered.npz", without(astray, "episodes"))
    assert "at 12 of 13 steps (92.3 %)" in problems(unnumbered)
    assert read_arrays(unnumbered).episodes is None
    numbered = read_arrays(write_npz(tmp_path / "numbered.npz", astray))
    np.testing.assert_array_equal(numbered.episodes, WALK["episodes"])
    lagging = {**without(WALK, "episodes"), "next_observations": WALK["observations"]}
    taken = read_arrays(write_npz(tmp_path / "lagging.npz", lagging))
    np.testing.assert_array_equal(taken.episodes, WALK["episodes"])  # rows are in order


def test_an_end_inside_an_episode_is_a_misalignment(tmp_path: Path) -> None:
    late = {**WALK, "terminations": np.roll(WALK["terminations"], 1)}
    path = write_npz(tmp_path / "rows.npz", late)
    assert "row 12 ends an episode" in problems(path)
    assert read_arrays(path).episodes is None
    assert "row 12 ends an episode" in refusal(
        write_npz(tmp_path / "bare.npz", without(late, "next_observations"))
    )


@pytest.mark.parametrize("shuffle", [False, True])
def test_building_from_rows_that_look_shuffled_is_a_problem(tmp_path: Path, shuffle: bool) -> None:
    rows = without(walk(300, 300), "next_observations", "truncations")
    if shuffle:
        rows["observations"] = np.random.default_rng(0).permutation(rows["observations"])
    path = write_npz(tmp_path / "rows.npz", rows)
    assert ("as if the rows were shuffled" in problems(path)) == shuffle


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"observations": np.array(["a"] * 16)}, "numbers are needed"),
        ({"rewards": WALK["rewards"] + 1j}, "numbers are needed"),
        ({"rewards": np.float32(1)}, "single value"),
        ({"terminations": np.arange(16)}, "0 or 1"),
        ({"episodes": WALK["episodes"] + 0.5}, "integers are needed"),
        ({"episode_starts": np.array([0, 5, 5])}, "ascending row numbers"),
        ({"episode_starts": np.array([1, 5])}, "ascending row numbers"),
        ({"episode_starts": np.array([0, 16])}, "ascending row numbers"),
        ({"episode_starts": np.array([0, 6])}, "--map episodes="),
        ({"episode_ends": STARTS}, "--map episodes="),
        ({"episode_starts": np.array(0)}, "shape ()"),
        ({"actions": np.float32(1)}, "single value"),
        ({"actions": WALK["actions"][:9]}, "for 9 actions"),
        ({"weights": np.ones(3)}, "3 weights"),
        ({name: array[:0] for name, array in WALK.items()}, "no row"),
    ],
)
def test_unusable_arrays_are_refused(tmp_path: Path, changes: Any, reason: str) -> None:
    assert reason in refusal(write_npz(tmp_path / "rows.npz", {**WALK, **changes}))


def test_one_column_is_squeezed(tmp_path: Path) -> None:
    columns = {**walk(6, action_dim=0)}
    for name in ("actions", "rewards", "terminations", "episodes"):
        columns[name] = columns[name][:, None]
    assert_rows(read_arrays(write_npz(tmp_path / "rows.npz", columns)), walk(6, action_dim=0))


def test_one_continuous_action_is_a_vector(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "rows.npz", {**WALK, "actions": WALK["actions"][:, 0]})
    recording = read_arrays(path)
    assert recording.continuous
    assert recording.actions.shape == (16, 1)


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    "objects",
    [
        np.array([Trap()] * 16, dtype=object),
        np.array([np.zeros(2), np.zeros(3)], dtype=object),  # ragged
    ],
)
def test_nothing_is_unpickled(tmp_path: Path, objects: Any) -> None:
    """What is needed is refused by name; what is not is left alone."""
    needed = write_npz(tmp_path / "needed.npz", {**WALK, "observations": objects})
    assert "array 'observations' cannot be read" in refusal(needed)
    others = {**WALK, "infos": objects, "metadata": objects}
    path = write_npz(tmp_path / "rows.npz", others)
    assert_rows(read_arrays(path), WALK)
    assert "not read: 'infos', 'metadata'" in notes(path)
    assert "array 'infos' cannot be read" in refusal(path, weights="infos")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Trap()))
    assert "cannot be read" in refusal(str(tmp_path / "pickle.npz"))


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ('{"action_count": "3"}', "action_count '3'"),
        ('{"action_count": -1}', "action_count -1"),
        ('{"reference_min": "low"}', "reference_min"),
        ("[]", "JSON object"),
        ("no JSON", "JSON"),
    ],
)
def test_unusable_metadata_is_refused(tmp_path: Path, metadata: str, reason: str) -> None:
    path = write_npz(tmp_path / "rows.npz", {**WALK, "metadata": np.array(metadata)})
    assert reason in refusal(path)


def test_a_missing_file_and_others_are_refused(tmp_path: Path) -> None:
    assert "no file" in refusal(str(tmp_path / "none.npz"))
    np.save(tmp_path / "alone.npy", WALK["rewards"])
    assert "cannot be read" in refusal(str(tmp_path / "alone.npy"))


@pytest.mark.parametrize("shape", [(1 << 50,), (1 << 62, 4)])
def test_a_shape_beyond_memory_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    header = io.BytesIO()
    write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    path = write_npz(tmp_path / "rows.npz", without(WALK, "rewards"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("rewards.npy", header.getvalue())
    assert "cannot be" in refusal(path)


def test_the_list_of_arrays_must_be_whole(tmp_path: Path) -> None:
    content = bytearray(Path(write_npz(tmp_path / "rows.npz", WALK)).read_bytes())
    content[-12] -= 1  # the count of arrays at the end of a zip file
    (tmp_path / "rows.npz").write_bytes(content)
    assert "'list of arrays' is damaged" in refusal(str(tmp_path / "rows.npz"))


def test_an_array_that_a_damaged_list_leaves_out_is_missed(tmp_path: Path) -> None:
    rows = {**BARE, "weights": np.ones(16), "episode_starts": STARTS}
    content = bytearray(Path(write_npz(tmp_path / "rows.npz", rows)).read_bytes())
    entry = content.rindex(b"weights.npy") - 46  # its comment swallows the entry that follows
    content[entry + 32] = 46 + len("episode_starts.npy")
    (tmp_path / "rows.npz").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "rows.npz") as archive:
        assert archive.testzip() is None
        assert "episode_starts.npy" not in archive.namelist()
    assert "'list of arrays' is damaged" in refusal(str(tmp_path / "rows.npz"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("rewards", "single value"), ("rewards.npy", "single value"), ("metadata", "plain arrays")],
)
def test_members_that_are_no_arrays_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = write_npz(tmp_path / "rows.npz", without(WALK, "rewards"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, pickle.dumps(Trap()))
    assert reason in refusal(path)
