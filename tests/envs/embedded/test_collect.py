from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium as gym
import minari
import numpy as np
import pytest
from minari.dataset._storages.hdf5_storage import HDF5Storage
from minari.namespace import list_local_namespaces
from numpy.typing import NDArray

from envs.catalogue import embedded_dataset_ids
from envs.embedded import collect as collection_module
from envs.embedded.collect import collect, collect_episodes, is_collected
from envs.loading import load_dataset, open_dataset, open_recording
from harness.core.errors import InputError
from tests.support.embedded import needs

MEDIUM_IDS = [
    dataset_id
    for dataset_id in embedded_dataset_ids()
    if dataset_id.startswith("classic/") and "medium" in dataset_id
]
QUICK_ID = "classic/cartpole/random-v0"

State = NDArray[np.float64]


def same_state(observation: State) -> State:
    return observation


def acrobot_state(observation: State) -> State:
    cos1, sin1, cos2, sin2, velocity1, velocity2 = observation
    return np.array([math.atan2(sin1, cos1), math.atan2(sin2, cos2), velocity1, velocity2])


def pendulum_state(observation: State) -> State:
    cosine, sine, velocity = observation
    return np.array([math.atan2(sine, cosine), velocity])


STATES: dict[str, Callable[[State], State]] = {
    "CartPole-v1": same_state,
    "MountainCar-v0": same_state,
    "Acrobot-v1": acrobot_state,
    "Pendulum-v1": pendulum_state,
}


def step_from(env: Any, state: State, action: Any) -> tuple[NDArray[np.float32], float, bool]:
    env.state = state
    env.steps_beyond_terminated = None  # CartPole pays nothing once it has seen a termination
    observation, reward, terminated, _, _ = env.step(action)
    return observation, float(reward), terminated


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize("dataset_id", MEDIUM_IDS)
def test_every_row_is_a_step_of_the_real_environment(dataset_id: str) -> None:
    rows = open_recording(dataset_id)
    environment_id = rows.reference.environment_id
    assert environment_id is not None
    env = gym.make(environment_id).unwrapped
    env.reset(seed=0)
    to_state = STATES[environment_id]
    steps = [
        step_from(env, to_state(observation), action)
        for observation, action in zip(
            rows.observations.astype(np.float64), rows.actions, strict=True
        )
    ]
    next_observations, rewards, terminations = map(np.array, zip(*steps, strict=True))
    np.testing.assert_allclose(rows.next_observations, next_observations, rtol=1e-5, atol=1e-5)
    # Pendulum's state is of float64 and pays by it, which float32 observations do not tell wholly.
    np.testing.assert_allclose(rows.rewards, rewards, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(rows.terminations, terminations)
    assert rows.terminations.any() == (environment_id != "Pendulum-v1")


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize("dataset_id", MEDIUM_IDS)
def test_a_reader_that_knows_only_minari_opens_it(dataset_id: str) -> None:
    assert dataset_id in minari.list_local_datasets()
    assert {"classic", dataset_id.rpartition("/")[0]} <= set(list_local_namespaces())
    dataset = minari.load_dataset(dataset_id)
    env = dataset.recover_environment()
    evaluation = dataset.recover_environment(eval_env=True)
    assert env.spec is not None
    assert evaluation.spec is not None
    assert env.spec.id == evaluation.spec.id
    assert env.spec.id == open_recording(dataset_id).reference.environment_id
    returns = np.array([episode.rewards.sum() for episode in dataset.iterate_episodes()])
    assert 0 < minari.get_normalized_score(dataset, returns).mean() < 1
    first = next(dataset.iterate_episodes())
    assert "total_steps" in repr(first)
    assert env.observation_space.contains(first.observations[-1])
    assert env.action_space.contains(first.actions[-1])


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize("dataset_id", MEDIUM_IDS)
def test_stored_seed_replays_an_episode(dataset_id: str) -> None:
    dataset = minari.load_dataset(dataset_id)
    env = dataset.recover_environment()
    for index, metadata in enumerate(dataset.storage.get_episode_metadata([0, 1, 2])):
        episode = dataset[index]
        first, _ = env.reset(seed=metadata["seed"])
        replay = [first, *(env.step(action)[0] for action in episode.actions)]
        np.testing.assert_array_equal(episode.observations, replay)


@pytest.mark.usefixtures("empty_root")
def test_scores_run_from_random_to_expert() -> None:
    normalized = {}
    for tier in ("random", "expert"):
        collect(f"classic/cartpole/{tier}-v0")
        dataset = minari.load_dataset(f"classic/cartpole/{tier}-v0")
        returns = np.array([episode.rewards.sum() for episode in dataset.iterate_episodes()])
        normalized[tier] = minari.get_normalized_score(dataset, returns).mean()
    assert normalized["random"] == pytest.approx(0, abs=0.02)
    assert normalized["expert"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "dataset_id",
    [
        QUICK_ID,
        pytest.param("box2d/lunarlander/medium-v0", marks=[pytest.mark.slow, needs("box2d")]),
        pytest.param("mujoco-bench/hopper/medium-v0", marks=[pytest.mark.slow, needs("mujoco")]),
    ],
)
def test_collecting_twice_gives_the_same_bytes(
    dataset_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = []
    for name in ("first", "second"):
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / name))
        collection_module._reference_scores.cache_clear()
        folder = collect(dataset_id) / "data"
        stored.append(
            [(folder / name).read_bytes() for name in ("main_data.hdf5", "metadata.json")]
        )
    first, second = stored
    assert first == second


@pytest.mark.usefixtures("empty_root")
def test_every_episode_starts_elsewhere() -> None:
    collect(QUICK_ID)
    episodes = list(minari.load_dataset(QUICK_ID).iterate_episodes())
    starts = {episode.observations[0].tobytes() for episode in episodes}
    assert len(starts) == len(episodes)


@pytest.mark.usefixtures("empty_root")
def test_all_sets_of_an_environment_share_their_reference_scores() -> None:
    scores = set()
    for tier in ("random", "medium"):
        dataset = open_dataset(f"classic/mountaincar/{tier}-v0")
        scores.add((dataset.reference_min, dataset.reference_max))
    assert len(scores) == 1


def test_a_collected_set_is_left_alone(empty_root: Path) -> None:
    assert not is_collected(QUICK_ID)
    folder = collect(QUICK_ID)
    assert folder == empty_root / QUICK_ID
    assert is_collected(QUICK_ID)
    stamp = (folder / "data" / "main_data.hdf5").stat().st_mtime_ns
    assert collect(QUICK_ID) == folder
    assert (folder / "data" / "main_data.hdf5").stat().st_mtime_ns == stamp


def test_only_embedded_sets_can_be_collected() -> None:
    with pytest.raises(InputError, match="did you mean 'classic/cartpole/random-v0'"):
        collect("classic/cartpole/randm-v0")


@pytest.mark.parametrize("reason", [KeyboardInterrupt, OSError, RuntimeError])
def test_interruption_leaves_nothing(
    empty_root: Path, monkeypatch: pytest.MonkeyPatch, reason: type[BaseException]
) -> None:
    write_all = HDF5Storage.update_episodes

    def write_some(storage: HDF5Storage, episodes: list[Any]) -> None:
        write_all(storage, episodes[:3])
        raise reason("stopped half-way")

    with monkeypatch.context() as patch:
        patch.setattr(HDF5Storage, "update_episodes", write_some)
        with pytest.raises((reason, InputError), match="stopped half-way"):
            collect(QUICK_ID)
    assert list(empty_root.iterdir()) == []
    assert os.environ["MINARI_DATASETS_PATH"] == str(empty_root)
    collect(QUICK_ID)
    assert minari.load_dataset(QUICK_ID).total_episodes == 200


def test_the_slower_of_two_collections_discards_its_copy(
    empty_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(collection_module, "collect_episodes", collect_episodes)
        collect(QUICK_ID)
        return collect_episodes(*arguments)

    monkeypatch.setattr(collection_module, "collect_episodes", overtaken)
    assert collect(QUICK_ID) == empty_root / QUICK_ID
    assert [path.name for path in empty_root.iterdir()] == ["classic"]
    assert len(load_dataset(QUICK_ID)) == minari.load_dataset(QUICK_ID).total_steps


@pytest.mark.usefixtures("empty_root")
def test_threads_may_collect_and_read_at_once() -> None:
    dataset_ids = [QUICK_ID, "classic/cartpole/medium-v0"] * 2
    with ThreadPoolExecutor(len(dataset_ids)) as pool:
        opened = list(pool.map(open_dataset, dataset_ids))
    assert opened[0].content_hash == opened[2].content_hash
    assert opened[1].content_hash == opened[3].content_hash
    assert sorted(minari.list_local_datasets()) == sorted(set(dataset_ids))


def test_a_folder_in_the_way_is_named(empty_root: Path) -> None:
    stray = empty_root / QUICK_ID / "notes.txt"
    stray.parent.mkdir(parents=True)
    stray.touch()
    with pytest.raises(InputError, match="move or delete the folder"):
        collect(QUICK_ID)
    assert stray.exists()


def test_an_unusable_root_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "file" / "datasets"))
    with pytest.raises(InputError, match="set MINARI_DATASETS_PATH"):
        collect(QUICK_ID)
