from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

from envs import load_dataset, open_dataset
from envs.minari_store import stored_ids
from harness.errors import InputError
from harness.transitions import Transitions

Write = Callable[..., str]
Steps = dict[str, Any]


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
    assert dataset.environment_id is None
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


def test_continuous_actions_are_refused(write_minari: Write, sound_episode: Steps) -> None:
    steps = {**sound_episode, "actions": np.zeros((3, 1), np.float32)}
    message = refusal(write_minari(steps, action_space=Box(-1, 1, (1,), np.float32)))
    assert "continuous actions" in message
    assert "discretise them first" in message


def test_composite_actions_are_refused(write_minari: Write, sound_episode: Steps) -> None:
    steps = {**sound_episode, "actions": np.zeros((3, 2), int)}
    assert "MultiDiscrete" in refusal(write_minari(steps, action_space=MultiDiscrete([2, 2])))


@pytest.mark.parametrize(
    ("observations", "space"),
    [
        (
            {"position": np.zeros((4, 2), np.float32), "goal": np.zeros((4, 1), np.float32)},
            Dict(
                position=Box(-1, 1, (2,), np.float32),
                goal=Box(-1, 1, (1,), np.float32),
            ),
        ),
        (np.zeros((4, 2, 3), np.float32), Box(-1, 1, (2, 3), np.float32)),
        (np.zeros(4, int), Discrete(4)),
    ],
    ids=["dict", "two-dimensional", "discrete"],
)
def test_observations_that_are_not_flat_are_refused(
    write_minari: Write, sound_episode: Steps, observations: Any, space: Any
) -> None:
    steps = {**sound_episode, "observations": observations}
    assert "flatten them first" in refusal(write_minari(steps, observation_space=space))


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
