"""Environments of the extra robotics, whose observations are often dicts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Dict, Space

from envs.comparison import compare, evidence_of
from envs.dataset import make_dataset
from envs.environment import registered_spec
from envs.loading import open_recording
from harness.core.classes.environments import EnvironmentSpec
from harness.core.specs import CodebookSpec
from tests.support.embedded import needs

pytestmark = needs("robotics")


def stacked(space: Space[Any], observations: list[Any]) -> Any:
    if isinstance(space, Dict):
        return {
            name: stacked(part, [each[name] for each in observations])
            for name, part in space.items()
        }
    return np.array(observations)


def episode(env: gymnasium.Env[Any, Any], seed: int) -> dict[str, Any]:
    env.action_space.seed(seed)
    observations, actions, rewards = [env.reset(seed=seed)[0]], [], []
    for _ in range(12):
        actions.append(env.action_space.sample())
        observation, reward, *_ = env.step(actions[-1])
        observations.append(observation)
        rewards.append(float(reward))
    return {
        "observations": stacked(env.observation_space, observations),
        "actions": np.array(actions),
        "rewards": np.array(rewards),
        "terminations": np.zeros(12, dtype=bool),
        "truncations": np.arange(12) == 11,
        "seed": seed,
    }


@pytest.mark.parametrize(
    ("environment_id", "kwargs"),
    [
        ("AdroitHandPen-v1", {}),
        ("PointMaze_UMaze-v3", {"continuing_task": False}),
        ("FrankaKitchen-v1", {"tasks_to_complete": ["microwave", "kettle"]}),
    ],
)
def test_recorded_steps_are_those_of_the_environment(
    environment_id: str,
    kwargs: dict[str, Any],
    write_minari: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("envs.actions.cost.EPISODES", 2)
    assert registered_spec(environment_id) is not None
    made = gymnasium.make(environment_id, 20, disable_env_checker=True, **kwargs)
    with closing(made) as env:
        dataset_id = write_minari(
            *(episode(env, seed) for seed in range(3)),
            observation_space=env.observation_space,
            action_space=env.action_space,
            env=env,
        )
    recording = open_recording(dataset_id)
    own = recording.reference.environment
    assert own == EnvironmentSpec(id=environment_id, kwargs=kwargs, max_episode_steps=20)
    assert list(compare(evidence_of(recording), own, own)) == []
    facts = make_dataset(recording, CodebookSpec(size=36)).quantisation
    assert facts is not None
    assert facts["coded_return"] == pytest.approx(facts["neighbour_return"])
