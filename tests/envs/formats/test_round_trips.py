"""Played data of continuous actions, written in every format and read back equal."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from envs.convert import convert
from envs.embedded.behaviour import Behaviour
from envs.embedded.collect import play_episode
from envs.environment import make_environment
from envs.formats.hdf5.d4rl import read_d4rl
from envs.formats.minari import store as minari_store
from envs.formats.npz import read_arrays
from envs.formats.recording import Recording
from envs.loading import open_recording
from envs.reference import Reference
from harness.core.classes.environments import EnvironmentSpec
from tests.envs.formats.layouts import Arrays, assert_rows, without, write_d4rl, write_npz

NAMES = ("observations", "actions", "rewards", "next_observations", "terminations", "truncations")


def hop() -> str:
    """Store a few episodes of a hopper that falls, and return their id."""
    pytest.importorskip("mujoco")
    dataset_id = "test/hopping-v0"
    if not minari_store.is_stored(dataset_id):
        rng = np.random.default_rng(0)
        with closing(make_environment(EnvironmentSpec(id="Hopper-v5"))) as environment:
            noise = Behaviour(lambda _: np.zeros(3, np.float32), random_share=1.0)
            episodes = [play_episode(environment, noise, seed, rng) for seed in range(8)]
        reference = Reference(environment_id="Hopper-v5")
        minari_store.write_dataset(
            dataset_id, episodes, reference, algorithm="noise", description="For a test."
        )
    return dataset_id


@pytest.fixture(params=["pendulum", "hopper"])
def played(request: pytest.FixtureRequest) -> Recording:
    pendulum = request.param == "pendulum"
    return open_recording("classic/pendulum/medium-v0" if pendulum else hop())


def arrays_of(recording: Recording) -> Arrays:
    return {name: getattr(recording, name) for name in NAMES}


def test_d4rl_files_give_the_rows_back(played: Recording, tmp_path: Path) -> None:
    back = read_d4rl(write_d4rl(tmp_path / "played.hdf5", arrays_of(played)))
    assert_rows(back, arrays_of(played))
    np.testing.assert_array_equal(back.episode_starts, played.episode_starts)


def test_d4rl_files_without_next_observations_lose_the_last_row_of_what_was_cut_off(
    played: Recording, tmp_path: Path
) -> None:
    arrays = without(arrays_of(played), "next_observations")
    back = read_d4rl(write_d4rl(tmp_path / "played.hdf5", arrays))
    kept = ~played.truncations
    assert_rows(back, {name: arrays[name][kept] for name in ("observations", "actions", "rewards")})
    follows = kept & ~played.terminations
    np.testing.assert_array_equal(
        back.next_observations[~back.terminations], played.next_observations[follows]
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_give_the_rows_back(played: Recording, tmp_path: Path, compressed: bool) -> None:
    path = write_npz(tmp_path / "played.npz", arrays_of(played), compressed=compressed)
    back = read_arrays(path)
    assert_rows(back, arrays_of(played))
    np.testing.assert_array_equal(back.episode_starts, played.episode_starts)


def test_a_converted_file_is_a_minari_dataset_of_the_same_rows(
    played: Recording, tmp_path: Path
) -> None:
    path = write_d4rl(tmp_path / "played.hdf5", arrays_of(played))
    dataset_id = f"converted/{played.source.split('/')[1]}-v0"
    convert(read_d4rl(path), dataset_id)
    back = open_recording(dataset_id)
    assert_rows(back, arrays_of(played))
    np.testing.assert_array_equal(back.episode_starts, played.episode_starts)
