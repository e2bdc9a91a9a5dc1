from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.loading import load_dataset, open_dataset, open_recording
from harness.core.errors import InputError
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions

QUICK_ID = "classic/cartpole/random-v0"


def make_transitions() -> Transitions:
    rng = np.random.default_rng(0)
    return Transitions(
        observations=rng.normal(size=(6, 2)),
        actions=np.array([0, 1, 2, 0, 1, 0]),
        rewards=rng.normal(size=6),
        next_observations=rng.normal(size=(6, 2)),
        terminations=np.array([0, 0, 1, 0, 0, 1]),
        weights=rng.uniform(0.5, 2, size=6),
        action_count=5,
    )


def test_importing_envs_imports_no_heavy_package() -> None:
    heavy = "{'minari', 'gymnasium', 'h5py', 'torch'}"
    script = f"import sys, envs; sys.exit(', '.join({heavy} & sys.modules.keys()) or 0)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_embedded_set_is_collected_on_first_use_and_says_so(
    empty_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="bellman_bench"):
        first = open_dataset(QUICK_ID)
    assert [record.getMessage() for record in caplog.records] == [
        f"collecting {QUICK_ID} into {empty_root}"
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="bellman_bench"):
        second = open_dataset(QUICK_ID)
    assert caplog.records == []
    assert first.dataset_id == QUICK_ID
    assert first.reference.environment_id == "CartPole-v1"
    assert first.content_hash == second.content_hash == first.transitions.content_hash()


@pytest.mark.usefixtures("medium_root")
def test_load_dataset_gives_the_transitions_of_open_dataset() -> None:
    dataset = open_dataset("classic/cartpole/medium-v0")
    transitions = load_dataset("classic/cartpole/medium-v0")
    assert transitions.content_hash() == dataset.content_hash
    assert transitions.observations.dtype == np.float32
    assert transitions.action_count == 2


@pytest.mark.usefixtures("medium_root")
def test_continuous_actions_are_numbered_when_opened() -> None:
    spec = CodebookSpec(method="bins", size=9)
    dataset = open_dataset("classic/pendulum/medium-v0", spec)
    transitions = load_dataset("classic/pendulum/medium-v0", codebook="bins-9")
    assert dataset.codebook is not None
    assert transitions.content_hash() == dataset.content_hash
    assert transitions.action_count == len(dataset.codebook) == 9
    recording = open_recording("classic/pendulum/medium-v0")
    torques = recording.actions[:, 0]
    np.testing.assert_allclose(dataset.codebook.codes[:, 0], np.linspace(-2, 2, 9), atol=1e-3)
    nearest = np.abs(torques[:, None] - dataset.codebook.codes[:, 0]).argmin(axis=1)
    np.testing.assert_array_equal(transitions.actions, nearest)
    vectors = load_dataset("classic/pendulum/medium-v0")
    np.testing.assert_array_equal(vectors.actions, recording.actions)
    with pytest.raises(InputError, match="codebook 'bins'"):
        load_dataset("classic/pendulum/medium-v0", codebook="bins")


@pytest.mark.parametrize("name", ["missing.npz", "missing.hdf5", "missing.h5"])
def test_a_path_is_no_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no file") as caught:
        open_recording(str(tmp_path / name))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"environment_id": "CartPole-v1"},
        {"environment_id": "CartPole-v1", "reference_min": -1.5, "reference_max": 2.0},
        {"reference_max": 3, "method": "bellman", "seed": 0},
    ],
)
def test_npz_round_trip(tmp_path: Path, metadata: dict[str, Any]) -> None:
    path = tmp_path / "small.npz"
    transitions = make_transitions()
    transitions.save(path, metadata)
    dataset = open_dataset(str(path))
    assert dataset.dataset_id == str(path)
    assert dataset.content_hash == transitions.content_hash()
    assert dataset.transitions.action_count == 5
    assert dataset.reference.environment_id == metadata.get("environment_id")
    assert dataset.reference_min == metadata.get("reference_min")
    assert dataset.reference_max == metadata.get("reference_max")


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        ({"reference_min": "low"}, "reference_min"),
        ({"reference_max": float("nan")}, "reference_max"),
        ({"environment_id": 3}, "environment_id"),
    ],
)
def test_npz_with_unusable_metadata_is_refused(
    tmp_path: Path, metadata: dict[str, Any], key: str
) -> None:
    path = tmp_path / "small.npz"
    make_transitions().save(path, metadata)
    with pytest.raises(InputError, match=key) as caught:
        open_dataset(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_npz_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK no more")
    with pytest.raises(InputError, match="cannot be read"):
        open_dataset(str(damaged))
    with pytest.raises(InputError, match="no file"):
        open_dataset(str(tmp_path / "missing.npz"))


@pytest.mark.usefixtures("empty_root")
@pytest.mark.parametrize(
    ("dataset_id", "meant"),
    [
        ("classic/cartpole/medum-v0", "classic/cartpole/medium-v0"),
        ("classic/acrobot/expert", "classic/acrobot/expert-v0"),
        ("classic/mountaincar/mixed-v1", "classic/mountaincar/mixed-v0"),
    ],
)
def test_unknown_id_is_refused_with_choices(dataset_id: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{meant}'") as caught:
        open_dataset(dataset_id)
    assert "classic/cartpole/random-v0" in str(caught.value)


def test_choices_include_local_sets(
    write_minari: Callable[..., str], sound_episode: dict[str, Any]
) -> None:
    write_minari(sound_episode, dataset_id="mine/walk-v3")
    with pytest.raises(InputError, match="did you mean 'mine/walk-v3'"):
        open_dataset("mine/wlk-v3")


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize(
    "trick",
    [
        "",
        ".",
        "..",
        "../datasets/x-v0",
        "classic/../../x-v0",
        "classic/cartpole/../cartpole/medium-v0",
        "/classic/cartpole/medium-v0",
        "classic/cartpole/medium-v0/",
        "classic//cartpole/medium-v0",
        "classic\\cartpole\\medium-v0",
        "classic/cartpole/medium-v0\0",
        "classic/cartpole/medium-v0\n",
        "~/x-v0",
        ".hidden/x-v0",
        " ",
    ],
)
def test_ids_cannot_leave_the_root(trick: str) -> None:
    with pytest.raises(InputError, match="dataset id") as caught:
        open_dataset(trick)
    assert repr(trick) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absolute_path_of_a_dataset_is_no_id(medium_root: Path) -> None:
    with pytest.raises(InputError, match="dataset id"):
        open_dataset(str(medium_root / "classic/cartpole/medium-v0"))


@pytest.mark.usefixtures("empty_root")
def test_overlong_id_is_unknown() -> None:
    with pytest.raises(InputError, match="unknown dataset"):
        open_dataset("x" * 5000)
