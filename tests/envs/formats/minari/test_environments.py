"""Environments of Minari datasets: all that their specs say is read, kept and written."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.spaces import Box, Discrete

from envs.convert import convert
from envs.formats.minari.output import write_transitions
from envs.loading import load_dataset, open_dataset, open_recording
from envs.reference import Reference
from harness.core.classes.environments import EnvironmentSpec, WrapperSpec
from harness.core.errors import InputError
from harness.testing.rows import random_transitions

Write = Callable[..., str]
Steps = dict[str, Any]
PAID = EnvironmentSpec(id="CartPole-v1", kwargs={"sutton_barto_reward": True}, max_episode_steps=30)


def paid() -> gymnasium.Env[Any, Any]:
    return gymnasium.make("CartPole-v1", sutton_barto_reward=True, max_episode_steps=30)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: gymnasium.make("CartPole-v1"), EnvironmentSpec(id="CartPole-v1")),
        (
            lambda: gymnasium.make("CartPole-v1", render_mode="rgb_array"),
            EnvironmentSpec(id="CartPole-v1"),
        ),
        (lambda: gymnasium.make("FrozenLake8x8-v1"), EnvironmentSpec(id="FrozenLake8x8-v1")),
        (
            lambda: gymnasium.make("FrozenLake8x8-v1", is_slippery=False),
            EnvironmentSpec(id="FrozenLake8x8-v1", kwargs={"is_slippery": False}),
        ),
        (paid, PAID),
        (
            lambda: wrappers.RecordEpisodeStatistics(
                wrappers.TimeAwareObservation(wrappers.ClipReward(paid(), -1, 1))
            ),
            PAID.model_copy(
                update={
                    "wrappers": (
                        WrapperSpec(name="ClipReward", kwargs={"min_reward": -1, "max_reward": 1}),
                        WrapperSpec(
                            name="TimeAwareObservation",
                            kwargs={
                                "flatten": True,
                                "normalize_time": False,
                                "dict_time_key": "time",
                            },
                        ),
                    )
                }
            ),
        ),
    ],
)
def test_what_a_spec_says_beside_its_id_is_read(
    write_minari: Write,
    sound_episode: Steps,
    make: Callable[[], gymnasium.Env[Any, Any]],
    expected: EnvironmentSpec,
) -> None:
    dataset_id = write_minari(sound_episode, env=make().spec)
    dataset = open_dataset(dataset_id)
    assert dataset.environment == dataset.recorded_in == expected
    reference = open_recording(dataset_id).reference
    assert ("environment_spec" in reference.model_dump()) != expected.is_plain
    assert Reference.parse(json.loads(reference.model_dump_json()), "here") == reference


def test_policies_are_evaluated_where_the_dataset_says(
    write_minari: Write, sound_episode: Steps
) -> None:
    dataset = open_dataset(write_minari(sound_episode, env=paid().spec, eval_env="CartPole-v1"))
    assert dataset.environment == EnvironmentSpec(id="CartPole-v1")
    assert dataset.recorded_in == PAID
    assert dataset != open_dataset(
        write_minari(sound_episode, env=paid().spec, dataset_id="made/same-v0")
    )


@pytest.mark.usefixtures("empty_root")
@pytest.mark.parametrize("recorded_in", [None, EnvironmentSpec(id="CartPole-v1")])
@pytest.mark.parametrize("through_npz", [False, True])
def test_a_saved_set_is_of_the_same_environments(
    tmp_path: Path, through_npz: bool, recorded_in: EnvironmentSpec | None
) -> None:
    clipped = PAID.model_copy(
        update={"wrappers": (WrapperSpec(name="ClipReward", kwargs={"max_reward": 0.25}),)}
    )
    rows = random_transitions(np.random.default_rng(0), 5, 4, 2)
    reference = Reference(
        environment_id="CartPole-v1", environment_spec=clipped, recorded_in=recorded_in
    )
    if through_npz:
        rows.save(tmp_path / "set.npz", reference.model_dump())
        convert(open_recording(str(tmp_path / "set.npz")), "saved/set-v0")
    else:
        write_transitions(
            "saved/set-v0", rows, reference, algorithm="a", description="b", metadata={}
        )
    read = open_dataset("saved/set-v0")
    assert (read.environment, read.recorded_in) == (clipped, recorded_in or clipped)
    played = minari.load_dataset("saved/set-v0").recover_environment(eval_env=True)
    assert isinstance(played, wrappers.ClipReward)
    assert played.spec is not None
    assert played.spec.max_episode_steps == 30
    assert played.spec.kwargs["sutton_barto_reward"] is True


def rewrite(root: Path, dataset_id: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the environment that a dataset's metadata describe."""
    path = root / dataset_id / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    spec = json.loads(metadata["env_spec"])
    change(spec)
    path.write_text(json.dumps({**metadata, "env_spec": json.dumps(spec)}))


def test_a_foreign_wrapper_is_kept_and_never_imported(
    write_minari: Write, sound_episode: Steps, empty_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_root / "foreign_wrapping.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(empty_root)
    dataset_id = write_minari(sound_episode, env="CartPole-v1")
    foreign = {"name": "Wrap", "entry_point": "foreign_wrapping:Wrap", "kwargs": None}
    rewrite(empty_root, dataset_id, lambda spec: spec["additional_wrappers"].append(foreign))
    dataset = open_dataset(dataset_id)
    assert str(dataset.environment) == "CartPole-v1, foreign_wrapping:Wrap()"
    assert len(load_dataset(dataset_id)) == 3
    with pytest.raises(InputError, match="'foreign_wrapping:Wrap', but a dataset must not cause"):
        write_transitions(
            "saved/set-v0",
            dataset.transitions,
            dataset.reference,
            algorithm="a",
            description="b",
            metadata={},
        )
    assert not (empty_root / "saved").exists()
    assert "foreign_wrapping" not in sys.modules


@pytest.mark.usefixtures("empty_root")
@pytest.mark.parametrize(
    ("environment_id", "rule"),
    [("CartPole", "not registered: .* with its version"), ("Lambda-v0", "cannot be written to a")],
)
def test_what_minari_could_not_keep_is_refused_in_one_line(environment_id: str, rule: str) -> None:
    if "Lambda-v0" not in gymnasium.registry:
        gymnasium.register("Lambda-v0", entry_point=lambda **_: gymnasium.make("CartPole-v1"))
    rows = random_transitions(np.random.default_rng(0), 5, 4, 2)
    named = Reference(environment_id=environment_id)
    with (
        warnings.catch_warnings(action="ignore"),  # gymnasium's own, on the version that it takes
        pytest.raises(InputError, match=rule) as refused,
    ):
        write_transitions("saved/set-v0", rows, named, algorithm="", description="", metadata={})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.update(kwargs=[1]),
        lambda spec: spec.update(max_episode_steps=-3),
        lambda spec: spec.update(max_episode_steps="many"),
        lambda spec: spec.update(id=7),
        lambda spec: spec.update(additional_wrappers=[{"name": "A"}]),
    ],
)
def test_a_malformed_environment_is_one_line(
    write_minari: Write, sound_episode: Steps, empty_root: Path, change: Callable[..., None]
) -> None:
    dataset_id = write_minari(sound_episode, env="CartPole-v1")
    rewrite(empty_root, dataset_id, change)
    with pytest.raises(InputError, match="is not a readable Minari dataset") as refused:
        open_dataset(dataset_id)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("has_environment", [False, True])
def test_written_actions_are_the_environments_own(
    empty_root: Path, tmp_path: Path, has_environment: bool
) -> None:
    """From the space of the source where it says it, else from that of the environment."""

    class Floors(gymnasium.Env[Any, Any]):
        observation_space = Box(-np.inf, np.inf, (4,))
        action_space = Discrete(3, start=-1)

    if "Floors-v0" not in gymnasium.registry:
        gymnasium.register("Floors-v0", entry_point=f"{__name__}:Floors")
        sys.modules[__name__].Floors = Floors  # type: ignore[attr-defined]
    assert empty_root.is_dir()
    rows = random_transitions(np.random.default_rng(1), 6, 4, 3)
    said = {"environment_id": "Floors-v0"} if has_environment else {"action_start": -1}
    rows.save(tmp_path / "floors.npz", said)
    convert(open_recording(str(tmp_path / "floors.npz")), "saved/floors-v0")
    stored = minari.load_dataset("saved/floors-v0")
    assert stored.action_space == Discrete(3, start=-1)
    taken = np.concatenate([episode.actions for episode in stored.iterate_episodes()])
    assert taken.tolist() == (rows.actions - 1).tolist()
    again = open_dataset("saved/floors-v0")
    assert again.content_hash == rows.content_hash()
    assert again.reference.action_start == -1
