"""What a user says of a dataset stands in the place of what it says, in every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from pydantic import ValidationError

from envs.loading import load_dataset, open_dataset, open_recording
from envs.streaming import stream_recordings
from harness.core.classes.reading import Reading
from harness.core.errors import InputError
from harness.testing.rows import random_transitions
from tests.envs.formats.layouts import walk, without, write_d4rl

Write = Callable[..., str]


def refusal(dataset: str, **said: Any) -> str:
    with pytest.raises(InputError) as caught:
        open_recording(dataset, Reading.model_validate(said))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def boxed(write_minari: Write, sound_episode: dict[str, Any]) -> str:
    """A Minari dataset whose one-hot actions are said to be vectors by its space."""
    sound_episode["actions"] = np.eye(3, dtype=np.float32)[[0, 2, 1]]
    return write_minari(sound_episode, action_space=Box(0, 1, (3,), np.float32))


def test_a_space_is_believed_unless_the_user_says_otherwise(boxed: str) -> None:
    assert open_recording(boxed).continuous
    numbered = open_recording(boxed, Reading(actions="discrete"))
    assert numbered.actions.tolist() == [0, 2, 1]
    assert numbered.action_count == 3
    assert load_dataset(boxed, reading=Reading(actions="discrete")).action_count == 3
    wider = open_recording(boxed, Reading(actions="discrete", action_count=5))
    assert wider.action_count == 5


def test_numbered_actions_may_be_measures(
    write_minari: Write, sound_episode: dict[str, Any]
) -> None:
    dataset = write_minari(sound_episode)
    found = open_recording(dataset, Reading(actions="continuous"))
    np.testing.assert_array_equal(found.actions, [[0.0], [2.0], [1.0]])
    assert found.action_count is None
    coded = open_dataset(dataset, reading=Reading(action_count=9))
    assert coded.transitions.action_count == 9


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"action_count": 3}, "--discrete"),
        ({"map": {"rewards": "r"}}, "leave out --map"),
        ({"environment": "Nowhere-v0"}, "no loaded module registers 'Nowhere-v0'"),
        ({"environment": "no_such_module:E-v0"}, "cannot be imported"),
    ],
)
def test_what_does_not_suit_a_dataset_is_refused(
    boxed: str, said: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(boxed, **said)


def test_scores_and_environment_are_said_of_files_that_cannot_say_them(tmp_path: Path) -> None:
    path = write_d4rl(tmp_path / "mine.hdf5", walk(6, 5, action_dim=0))
    before = open_recording(path)
    assert before.reference.environment_id is None
    assert "--environment, --reference-min, --reference-max" in before.notes[-1]
    said = Reading(environment="Acrobot-v1", reference_min=-500.0, reference_max=0.0)
    dataset = open_dataset(path, reading=said)
    assert str(dataset.environment) == "Acrobot-v1"
    assert dataset.is_environment_named
    assert (dataset.reference_min, dataset.reference_max) == (-500.0, 0.0)
    assert dataset.content_hash == open_dataset(path).content_hash
    partly = open_recording(path, Reading(reference_min=1.0))
    assert "no environment, reference_max: to evaluate" in partly.notes[-1]


@pytest.mark.parametrize("scores", [(5.0, 3.0), (3.0, 3.0)])
def test_scores_out_of_order_are_told_where_stored_and_refused_where_said(
    tmp_path: Path, scores: tuple[float, float]
) -> None:
    low, high = scores
    rows = random_transitions(np.random.default_rng(0), 12)
    about = {"environment_id": "CartPole-v1", "reference_min": low, "reference_max": high}
    rows.save(tmp_path / "rows.npz", about)
    path = str(tmp_path / "rows.npz")
    assert f"reference_min {low:g} is not below" in open_recording(path).notes[-1]
    assert "say others, as by --reference-min" in open_recording(path).notes[-1]
    mended = open_recording(path, Reading(reference_min=high - 1))
    assert "reference_min" not in mended.notes[-1]
    assert "must be below the expert's" in refusal(path, reference_max=low - 2)
    with pytest.raises(ValidationError, match="must be below the expert's"):
        Reading(reference_min=low, reference_max=high)


def test_streams_heed_what_chunks_can_tell(boxed: str) -> None:
    said = Reading(environment="CartPole-v1", reference_min=0.0, reference_max=9.0)
    (chunk,) = stream_recordings(boxed, reading=said)
    assert chunk.reference == open_recording(boxed, said).reference
    for kind in ({"actions": "discrete"}, {"map": {"rewards": "r"}}):
        with pytest.raises(InputError, match="leave out --stream"):
            next(stream_recordings(boxed, reading=Reading.model_validate(kind)))


def test_the_suffix_of_a_file_may_be_written_large(tmp_path: Path) -> None:
    arrays = without(walk(6, 5), "episodes")
    assert len(open_recording(write_d4rl(tmp_path / "MINE.HDF5", arrays))) == 11
