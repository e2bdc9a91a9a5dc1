from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple

from envs.formats.episodes import Episode
from envs.formats.minari.store import read_recording, stored_ids, write_dataset
from envs.loading import load_dataset, open_dataset
from envs.reference import Reference
from harness.core.errors import InputError
from harness.core.transitions import Transitions

Write = Callable[..., str]
Steps = dict[str, Any]
needs_pyarrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="needs the extra arrow")
ARROW = [pytest.param(name, marks=needs_pyarrow) for name in ("arrow", "parquet")]
FORMATS = ["hdf5", *ARROW]


def refusal(dataset_id: str) -> str:
    """Return the one line with which a dataset is refused."""
    with pytest.raises(InputError) as caught:
        load_dataset(dataset_id)
    message = str(caught.value)
    assert "\n" not in message
    return message


def rows_of(transitions: Transitions) -> list[tuple[Any, ...]]:
    return [
        (s.tolist(), int(a), float(r), s2.tolist(), bool(b))
        for s, a, r, s2, b in zip(
            transitions.observations,
            transitions.actions,
            transitions.rewards,
            transitions.next_observations,
            transitions.terminations,
            strict=True,
        )
    ]


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize(
    ("environment", "truncates"), [("cartpole", True), ("mountaincar", True), ("acrobot", False)]
)
def test_rows_are_exactly_what_minari_stores(environment: str, truncates: bool) -> None:
    dataset_id = f"classic/{environment}/medium-v0"
    expected = []
    flagged_truncated = 0
    for episode in minari.load_dataset(dataset_id).iterate_episodes():
        flagged_truncated += int(episode.truncations.sum())
        for t in range(len(episode.actions)):
            expected.append(
                (
                    episode.observations[t].tolist(),
                    int(episode.actions[t]),
                    float(episode.rewards[t]),
                    episode.observations[t + 1].tolist(),
                    bool(episode.terminations[t]),
                )
            )
    transitions = load_dataset(dataset_id)
    assert rows_of(transitions) == expected
    assert len(transitions) == minari.load_dataset(dataset_id).total_steps
    assert (flagged_truncated > 0) == truncates


def test_truncated_and_unfinished_episodes_keep_their_last_row(
    write_minari: Write, sound_episode: Steps
) -> None:
    never = np.zeros(3, dtype=bool)
    last = np.array([False, False, True])
    dataset_id = write_minari(
        sound_episode,
        {**sound_episode, "terminations": never, "truncations": last},
        {**sound_episode, "terminations": never},
    )
    transitions = load_dataset(dataset_id)
    assert transitions.terminations.tolist() == [False, False, True] + [False] * 6
    assert transitions.rewards.tolist() == [1, 2, 3] * 3
    assert transitions.next_observations[[2, 5, 8]].tolist() == [[6, 7]] * 3
    assert transitions.weights.tolist() == [1] * 9


def test_actions_count_from_zero_whatever_the_space_starts_at(
    write_minari: Write, sound_episode: Steps
) -> None:
    shifted = {**sound_episode, "actions": sound_episode["actions"] + 5}
    dataset_id = write_minari(shifted, action_space=Discrete(4, start=5))
    transitions = load_dataset(dataset_id)
    assert transitions.actions.tolist() == [0, 2, 1]
    assert transitions.action_count == 4


def test_missing_metadata_is_none(write_minari: Write, sound_episode: Steps) -> None:
    dataset = open_dataset(write_minari(sound_episode))
    assert dataset.reference.environment_id is None
    assert dataset.reference_min is None
    assert dataset.reference_max is None


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        (
            "observations",
            np.zeros((3, 2), np.float32),
            "observations of shape (3, 2), but 3 actions",
        ),
        ("observations", np.zeros((4, 5), np.float32), "need (4, 2)"),
        ("rewards", np.zeros(2), "rewards of shape (2,)"),
        ("terminations", np.zeros(4, bool), "terminations of shape (4,)"),
        ("truncations", np.zeros(2, bool), "truncations of shape (2,)"),
        ("actions", np.zeros((3, 1), int), "actions of shape (3, 1)"),
        ("terminations", np.array([False, True, True]), "step 1 of 3 is flagged terminated"),
    ],
)
def test_malformed_episode_is_refused_by_number_rule_and_remedy(
    write_minari: Write, sound_episode: Steps, name: str, value: Any, rule: str
) -> None:
    dataset_id = write_minari(sound_episode, {**sound_episode, name: value})
    message = refusal(dataset_id)
    assert f"{dataset_id!r}, episode 1: " in message
    assert rule in message
    assert "drop it" in message or "split the episode" in message


def test_episode_without_a_step_is_refused(write_minari: Write, sound_episode: Steps) -> None:
    dataset_id = write_minari(sound_episode, sound_episode)
    with h5py.File(minari.load_dataset(dataset_id).storage.data_path / "main_data.hdf5", "a") as f:
        for name in ("actions", "rewards", "terminations", "truncations"):
            f["episode_1"][name].resize((0,))
        f["episode_1"]["observations"].resize((1, 2))
    assert "episode 1: no actions" in refusal(dataset_id)


def test_dataset_without_an_episode_is_refused(write_minari: Write) -> None:
    assert "no episode" in refusal(write_minari())


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("actions", np.array([0, 3, 1]), "0..2"),
        ("actions", np.array([0.0, 0.5, 1.0]), "discretise them first"),
        ("observations", np.full((4, 2), np.nan, np.float32), "NaN"),
        ("rewards", np.array([0, np.inf, 0]), "infinity"),
    ],
)
def test_values_that_break_a_rule_are_refused(
    write_minari: Write, sound_episode: Steps, name: str, value: Any, rule: str
) -> None:
    assert rule in refusal(write_minari({**sound_episode, name: value}))


def test_continuous_actions_stay_as_they_are(write_minari: Write, sound_episode: Steps) -> None:
    steps = {**sound_episode, "actions": np.array([[0.5], [-1.0], [0.0]], np.float32)}
    rows = load_dataset(write_minari(steps, action_space=Box(-1, 1, (1,), np.float32)))
    assert rows.is_continuous
    np.testing.assert_array_equal(rows.actions, steps["actions"])


def test_composite_actions_are_refused(write_minari: Write, sound_episode: Steps) -> None:
    steps = {**sound_episode, "actions": np.zeros((3, 2), int)}
    assert "MultiDiscrete" in refusal(write_minari(steps, action_space=MultiDiscrete([2, 2])))


@pytest.mark.parametrize("data_format", FORMATS)
def test_a_recording_keeps_all_that_an_episode_has(
    write_minari: Write, sound_episode: Steps, data_format: str
) -> None:
    never = np.zeros(3, dtype=bool)
    actions = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    other = {
        "observations": sound_episode["observations"] + 10,
        "actions": actions + 20,
        "terminations": never,
        "truncations": ~never & [False, False, True],
        "seed": 7,
    }
    dataset_id = write_minari(
        {**sound_episode, "actions": actions},
        {**sound_episode, **other},
        action_space=Box(-99, 99, (2, 2), np.float32),
        data_format=data_format,
        env="CartPole-v1",
        ref_min_score=1.0,
        ref_max_score=9.0,
    )
    recording = read_recording(dataset_id)
    assert recording.source == dataset_id
    assert recording.continuous
    assert recording.actions.tolist() == [
        [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11],
        [20, 21, 22, 23], [24, 25, 26, 27], [28, 29, 30, 31],
    ]  # fmt: skip
    assert recording.actions.dtype == np.float32
    assert recording.observations[:, 0].tolist() == [0, 2, 4, 10, 12, 14]
    assert recording.next_observations[:, 1].tolist() == [3, 5, 7, 13, 15, 17]
    assert recording.observations.dtype == np.float32
    assert recording.rewards.tolist() == [1, 2, 3, 1, 2, 3]
    assert recording.terminations.tolist() == [False, False, True, False, False, False]
    assert recording.truncations.tolist() == [False, False, False, False, False, True]
    assert recording.episodes is not None
    assert recording.episodes.tolist() == [0, 0, 0, 1, 1, 1]
    assert recording.seeds == (None, 7)
    assert recording.weights.tolist() == [1] * 6
    assert recording.reference.environment_id == "CartPole-v1"
    assert recording.reference.reference_min == 1
    assert recording.reference.reference_max == 9


@pytest.mark.parametrize("data_format", FORMATS)
def test_numbered_actions_and_nested_observations_are_read(
    write_minari: Write, sound_episode: Steps, data_format: str
) -> None:
    space = Dict(
        observation=Box(-9, 9, (2, 2), np.float64),
        desired_goal=Box(-9, 9, (1,), np.float64),
        achieved_goal=Tuple([Discrete(3, start=1), MultiBinary(2)]),
    )
    observations = {
        "observation": np.arange(16.0).reshape(4, 2, 2) - 8,
        "desired_goal": np.full((4, 1), 5.0),
        "achieved_goal": (np.array([1, 2, 3, 1]), np.array([[0, 1]] * 4, np.int8)),
    }
    dataset_id = write_minari(
        {**sound_episode, "observations": observations},
        observation_space=space,
        data_format=data_format,
    )
    transitions = load_dataset(dataset_id)
    assert transitions.observations.tolist() == [
        [1, 0, 0, 0, 1, 5, -8, -7, -6, -5],
        [0, 1, 0, 0, 1, 5, -4, -3, -2, -1],
        [0, 0, 1, 0, 1, 5, 0, 1, 2, 3],
    ]
    assert transitions.next_observations[2].tolist() == [1, 0, 0, 0, 1, 5, 4, 5, 6, 7]
    assert transitions.actions.tolist() == [0, 2, 1]


def test_numbered_observations_become_one_hot(write_minari: Write, sound_episode: Steps) -> None:
    steps = {**sound_episode, "observations": np.array([1, 0, 3, 2])}
    transitions = load_dataset(write_minari(steps, observation_space=Discrete(4)))
    assert transitions.observations.argmax(axis=1).tolist() == [1, 0, 3]
    assert transitions.observations.sum(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("space", "observations", "rule"),
    [
        (Box(0, 255, (8, 8, 3), np.uint8), np.zeros((4, 8, 8, 3), np.uint8), "images"),
        (Dict(say=Text(5)), {"say": ["hello"] * 4}, "Text"),
    ],
    ids=["image", "text"],
)
def test_observations_that_are_no_vectors_are_refused(
    write_minari: Write, sound_episode: Steps, space: Any, observations: Any, rule: str
) -> None:
    steps = {**sound_episode, "observations": observations}
    message = refusal(write_minari(steps, observation_space=space))
    assert rule in message


def test_floats_of_mixed_precision_are_not_rounded(
    write_minari: Write, sound_episode: Steps
) -> None:
    first = {**sound_episode, "rewards": np.array([1, 2, 3], np.float32)}
    second = {**sound_episode, "rewards": np.array([1, 2, 1 / 3])}
    third = {**sound_episode, "rewards": np.array([1, 2, 3])}
    rewards = load_dataset(write_minari(first, second, third)).rewards
    assert rewards.tolist() == [1, 2, 3, 1, 2, 1 / 3, 1, 2, 3]


@pytest.mark.usefixtures("empty_root")
@pytest.mark.parametrize("continuous", [False, True])
def test_what_is_written_is_read_back(continuous: bool) -> None:
    actions = np.array([[0.5, 1], [2, 3]], np.float32) if continuous else np.array([1, 0])
    episode = Episode(
        observations=np.arange(6.0).reshape(3, 2),
        actions=actions,
        rewards=np.array([0.5, 1.5]),
        terminations=np.zeros(2, bool),
        truncations=np.array([False, True]),
        seed=3,
        weights=np.array([2.0, 4.0]),
    )
    reference = Reference(
        environment_id="CartPole-v1",
        reference_min=1,
        reference_max=2,
        codebook=None if continuous else {"codes": [[0.5], [1.0]], "scale": [1.0]},
    )
    write_dataset(
        "made/back-v0",
        [episode],
        reference,
        algorithm="none",
        description="none",
        spaces=(
            Box(-9, 9, (2,), np.float64),
            Box(-9, 9, (2,), np.float32) if continuous else Discrete(2),
        ),
    )
    recording = read_recording("made/back-v0")
    assert recording.reference == reference
    assert recording.seeds == (3,)
    assert recording.actions.tolist() == actions.tolist()
    assert recording.weights.tolist() == [2, 4]
    assert recording.next_observations.tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize("told", [2, 5, 10**18])
def test_a_wrong_number_of_steps_is_refused(
    write_minari: Write, sound_episode: Steps, empty_root: Path, told: int
) -> None:
    dataset_id = write_minari(sound_episode)
    path = empty_root / dataset_id / "data" / "metadata.json"
    path.write_text(path.read_text().replace('"total_steps": 3', f'"total_steps": {told}'))
    message = refusal(dataset_id)
    assert f"says that it holds {told} steps" in message
    assert "correct total_steps" in message


@pytest.mark.parametrize("data_format", ARROW)
def test_a_format_whose_library_is_missing_is_refused_by_its_extra(
    write_minari: Write,
    sound_episode: Steps,
    data_format: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset_id = write_minari(sound_episode, data_format=data_format)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "minari.dataset._storages.arrow_storage")
    message = refusal(dataset_id)
    assert "pyarrow is not installed" in message
    assert "bellman-bench[arrow]" in message


def remove_data(data: Path) -> None:
    (data / "main_data.hdf5").unlink()


def truncate_data(data: Path) -> None:
    content = (data / "main_data.hdf5").read_bytes()
    (data / "main_data.hdf5").write_bytes(content[: len(content) // 2])


def empty_data(data: Path) -> None:
    (data / "main_data.hdf5").write_bytes(b"")


def remove_episode(data: Path) -> None:
    with h5py.File(data / "main_data.hdf5", "a") as file:
        del file["episode_1"]


def remove_rewards(data: Path) -> None:
    with h5py.File(data / "main_data.hdf5", "a") as file:
        del file["episode_1"]["rewards"]


def remove_metadata(data: Path) -> None:
    (data / "metadata.json").unlink()


def cut_metadata(data: Path) -> None:
    content = (data / "metadata.json").read_text()
    (data / "metadata.json").write_text(content[: len(content) // 2])


def list_as_metadata(data: Path) -> None:
    (data / "metadata.json").write_text("[]")


def forget_spaces(data: Path) -> None:
    (data / "metadata.json").write_text('{"data_format": "hdf5"}')


def file_as_folder(data: Path) -> None:
    shutil.rmtree(data)
    data.touch()


@pytest.mark.parametrize(
    "damage",
    [
        remove_data,
        truncate_data,
        empty_data,
        remove_episode,
        remove_rewards,
        remove_metadata,
        cut_metadata,
        list_as_metadata,
        forget_spaces,
        file_as_folder,
    ],
)
def test_damage_is_named_with_path_and_remedy(
    write_minari: Write, sound_episode: Steps, empty_root: Path, damage: Callable[[Path], None]
) -> None:
    dataset_id = write_minari(sound_episode, sound_episode)
    damage(empty_root / dataset_id / "data")
    message = refusal(dataset_id)
    assert str(empty_root / dataset_id) in message
    assert "delete that folder" in message


def test_reference_score_that_is_no_number_is_refused(
    write_minari: Write, sound_episode: Steps, empty_root: Path
) -> None:
    dataset_id = write_minari(sound_episode)
    path = empty_root / dataset_id / "data" / "metadata.json"
    path.write_text(path.read_text().replace("{", '{"ref_min_score": "low", ', 1))
    message = refusal(dataset_id)
    assert "reference_min is 'low'" in message
    assert dataset_id in message


def test_stored_ids_are_those_that_minari_lists(
    write_minari: Write, sound_episode: Steps, empty_root: Path
) -> None:
    write_minari(sound_episode, dataset_id="made/deeper/by-hand-v1")
    write_minari(sound_episode, dataset_id="flat-v0")
    (empty_root / ".hidden" / "set-v0" / "data").mkdir(parents=True)
    assert stored_ids() == sorted(minari.list_local_datasets())
    assert stored_ids() == ["flat-v0", "made/deeper/by-hand-v1"]
