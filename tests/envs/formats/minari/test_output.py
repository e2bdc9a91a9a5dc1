from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.formats.minari import store as minari_store
from envs.formats.minari.output import check_new_id, write_transitions
from envs.loading import load_dataset, open_dataset
from envs.reference import Reference
from envs.streaming import stream_transitions
from harness.core.errors import InputError
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.testing.rows import random_transitions

CARTPOLE = Reference(environment_id="CartPole-v1", reference_min=20.5, reference_max=500.0)
NOWHERE = Reference()
LONE_SCORES = [
    Reference(environment_id="CartPole-v1", reference_min=20.5),
    Reference(environment_id="CartPole-v1", reference_max=500.0),
]

pytestmark = pytest.mark.usefixtures("empty_root")


def small(rows: int = 7, obs_dim: int = 4) -> Transitions:
    return random_transitions(np.random.default_rng(0), rows, obs_dim, 2)


def write(dataset_id: str, transitions: Transitions, reference: Reference = CARTPOLE) -> Path:
    return write_transitions(
        dataset_id,
        transitions,
        reference,
        algorithm="exact",
        description="Seven points.",
        metadata={"seed": 3, "source": "classic/cartpole/medium-v0"},
    )


@pytest.mark.parametrize("reference", [CARTPOLE, NOWHERE, *LONE_SCORES])
def test_what_is_written_is_read_back_equal(reference: Reference) -> None:
    transitions = small()
    folder = write("distilled/cartpole-v0", transitions, reference)
    assert (folder / "data").is_dir()
    dataset = open_dataset("distilled/cartpole-v0")
    assert dataset.content_hash == transitions.content_hash()
    assert dataset.reference.environment_id == reference.environment_id
    assert dataset.reference_min == reference.reference_min
    assert dataset.reference_max == reference.reference_max
    streamed = next(stream_transitions("distilled/cartpole-v0"))
    assert streamed.content_hash() == transitions.content_hash()


def test_single_precision_stays_single_precision() -> None:
    source = small()
    floats = ("observations", "next_observations", "rewards", "weights")
    arrays = {name: getattr(source, name) for name in ARRAY_NAMES}
    arrays |= {name: arrays[name].astype(np.float32) for name in floats}
    transitions = Transitions(**arrays, action_count=2)
    write("distilled/cartpole-v0", transitions)
    assert load_dataset("distilled/cartpole-v0").content_hash() == transitions.content_hash()


def test_minari_alone_shows_every_row() -> None:
    transitions = small()
    write("distilled/deeper/cartpole-v2", transitions)
    assert "distilled/deeper/cartpole-v2" in minari.list_local_datasets()
    dataset = minari.load_dataset("distilled/deeper/cartpole-v2")
    assert dataset.total_episodes == dataset.total_steps == 7
    assert dataset.observation_space.dtype == np.float64
    for row, episode in enumerate(dataset.iterate_episodes()):
        now, then = transitions.observations[row], transitions.next_observations[row]
        np.testing.assert_array_equal(episode.observations, [now, then])
        assert dataset.observation_space.contains(episode.observations[0])
        assert episode.actions.tolist() == [transitions.actions[row]]
        assert episode.rewards.tolist() == [transitions.rewards[row]]
        assert episode.terminations.tolist() == [transitions.terminations[row]]
        assert episode.truncations.tolist() == [not transitions.terminations[row]]
        assert episode.infos["transition_weight"].tolist() == [transitions.weights[row]]
        assert repr(episode)
    metadata = dataset.storage.metadata
    assert json.loads(metadata["bellman_bench"]) == {
        "seed": 3,
        "source": "classic/cartpole/medium-v0",
    }
    assert metadata["algorithm_name"] == "exact"
    assert metadata["description"] == "Seven points."
    assert minari.get_normalized_score(dataset, np.array([500.0])) == pytest.approx(1.0)
    assert dataset.recover_environment().spec.id == "CartPole-v1"


LIKE_IDS = r"\A([ab0_.-]{1,2}/){0,2}[ab_-]{0,2}-v[01]{1,2}\Z"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dataset_id=st.from_regex(LIKE_IDS) | st.text("ad-v0/_.", max_size=9))
def test_what_our_check_lets_pass_minari_writes_and_finds(dataset_id: str) -> None:
    with suppress(InputError):
        check_new_id(dataset_id)
        assert_written(dataset_id)


def assert_written(dataset_id: str) -> None:
    try:
        write(dataset_id, small(1), NOWHERE)
    except InputError as error:
        raise AssertionError(dataset_id) from error
    assert dataset_id in minari.list_local_datasets()
    assert minari.load_dataset(dataset_id, download=False).total_steps == 1
    assert len(load_dataset(dataset_id)) == 1


def test_a_dataset_is_no_namespace() -> None:
    write("distilled/a-v0", small())
    with pytest.raises(InputError, match="'distilled/a-v0' is a dataset, and can be no namespace"):
        write("distilled/a-v0/b-v0", small())


def test_an_episode_of_one_step_takes_little_room() -> None:
    folder = write("distilled/many-v0", small(300))
    size = sum(path.stat().st_size for path in folder.rglob("*"))
    assert size <= 3000 * 300
    assert len(load_dataset("distilled/many-v0")) == 300


@pytest.mark.parametrize(
    ("dataset_id", "rule"),
    [
        ("cartpole-v0", "namespace/name-vN"),
        ("a/cartpole-v0", "namespace has two characters or more"),
        ("data/cartpole-v0", "no word is 'data'"),
        (f"distilled/{'a' * 201}-v0", "longer than 200"),
        ("distilled/cartpole", "namespace/name-vN"),
        ("distilled/cartpole-v", "namespace/name-vN"),
        ("../cartpole-v0", "namespace/name-vN"),
        ("/distilled/cartpole-v0", "namespace/name-vN"),
        ("distilled//cartpole-v0", "namespace/name-vN"),
        ("distilled/cart pole-v0", "namespace/name-vN"),
        ("distilled/cartpole-v0\n", "namespace/name-vN"),
        ("distilled/out.npx", "namespace/name-vN"),
        ("", "namespace/name-vN"),
        ("classic/cartpole/medium-v0", "embedded dataset"),
    ],
)
def test_ids_that_cannot_be_used_are_refused(dataset_id: str, rule: str, empty_root: Path) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        write(dataset_id, small())
    assert repr(dataset_id) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(empty_root.iterdir()) == []


def test_an_existing_dataset_is_never_overwritten() -> None:
    first = small()
    write("distilled/cartpole-v0", first)
    with pytest.raises(InputError, match="exists already") as caught:
        write("distilled/cartpole-v0", small(9))
    assert "\n" not in str(caught.value)
    assert load_dataset("distilled/cartpole-v0").content_hash() == first.content_hash()


def test_a_copy_that_another_process_writes_meanwhile_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs, create = small(9), minari.create_dataset_from_buffers

    def create_late(*args: Any, **kwargs: Any) -> Any:
        dataset = create(*args, **kwargs)
        monkeypatch.undo()
        monkeypatch.setenv("MINARI_DATASETS_PATH", root)
        write("distilled/cartpole-v0", theirs)
        return dataset

    root = str(minari_store.datasets_root())
    monkeypatch.setattr(minari, "create_dataset_from_buffers", create_late)
    with pytest.raises(InputError, match="exists already"):
        write("distilled/cartpole-v0", small())
    assert load_dataset("distilled/cartpole-v0").content_hash() == theirs.content_hash()


def test_an_interrupted_write_leaves_nothing(
    empty_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_the_disk(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("envs.formats.minari.root.create_namespace_of", fill_the_disk)
    with pytest.raises(InputError, match="No space left"):
        write("distilled/cartpole-v0", small())
    assert list(empty_root.iterdir()) == []


def test_an_environment_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="'Walk-v9' cannot be made"):
        write("distilled/walk-v0", small(), Reference(environment_id="Walk-v9"))


def test_weights_must_be_one_for_each_step(
    write_minari: Callable[..., str], sound_episode: dict[str, Any]
) -> None:
    dataset_id = write_minari(sound_episode)
    storage = minari.load_dataset(dataset_id).storage
    with h5py.File(storage.data_path / "main_data.hdf5", "a") as file:
        file["episode_0"].require_group("infos")["transition_weight"] = np.ones(4)
    with pytest.raises(InputError, match=r"weights of shape \(4,\), but 3 actions"):
        load_dataset(dataset_id)
