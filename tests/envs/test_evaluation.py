from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from envs.actions.codebook import Codebook
from envs.actions.policies import CodedPolicy
from envs.evaluation import evaluate
from harness.core.arrays import FloatArray, IntArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError


class Lean:
    """Pushes towards the side to which the pole leans."""

    def act(self, observations: FloatArray) -> IntArray:
        return (observations[:, 2] > 0).astype(np.int64)


class Accelerate:
    """Pushes along the velocity."""

    def act(self, observations: FloatArray) -> IntArray:
        return np.where(observations[:, -1] >= 0, 2, 0).astype(np.int64)


@pytest.mark.parametrize(
    ("environment_id", "policy"),
    [("CartPole-v1", Lean()), ("MountainCar-v0", Accelerate())],
)
def test_parallel_returns_are_those_of_one_episode_after_another(
    environment_id: str, policy: Lean | Accelerate
) -> None:
    expected = []
    environment = gymnasium.make(environment_id)
    for episode in range(12):
        observation, _ = environment.reset(seed=100 + episode)
        total, over = 0.0, False
        while not over:
            action = int(policy.act(observation[None])[0])
            observation, reward, terminated, truncated, _ = environment.step(action)
            total, over = total + float(reward), terminated or truncated
        expected.append(total)
    found = evaluate(policy, EnvironmentSpec(id=environment_id), 12, seed=100)
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(found, expected)


def test_a_codebook_lets_a_policy_act_in_a_continuous_environment() -> None:
    codebook = Codebook(np.array([[-2.0], [0.5], [2.0]]), np.array([1.0]))
    environment, expected = gymnasium.make("Pendulum-v1"), []
    for episode in range(3):
        observation, _ = environment.reset(seed=7 + episode)
        total = 0.0
        for _ in range(200):
            torque = 2.0 if observation[-1] >= 0 else -2.0
            observation, reward, *_ = environment.step(np.array([torque], dtype=np.float32))
            total += float(reward)
        expected.append(total)
    found = evaluate(
        CodedPolicy(Accelerate(), codebook), EnvironmentSpec(id="Pendulum-v1"), 3, seed=7
    )
    np.testing.assert_allclose(found, expected)


def test_continuous_actions_are_clipped_to_their_bounds() -> None:
    class Push:
        def __init__(self, torque: float) -> None:
            self.torque = torque

        def act(self, observations: FloatArray) -> FloatArray:
            return np.full((len(observations), 1), self.torque)

    place = EnvironmentSpec(id="test/Bounded-v0")
    gymnasium.register(place.id, lambda **_: Bounded(gymnasium.make("Pendulum-v1")))
    strong, full = (evaluate(Push(torque), place, 2, seed=3) for torque in (50.0, 2.0))
    np.testing.assert_array_equal(strong, full)


class Bounded(gymnasium.ActionWrapper[Any, Any, Any]):
    """Takes nothing but actions of its space."""

    def action(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        return action


def test_observations_are_flattened_as_in_datasets() -> None:
    """FrozenLake numbers its 16 places; this path of right and down moves reaches the goal."""
    path = {0: 1, 4: 1, 8: 2, 9: 1, 13: 2, 14: 2}

    class Walk:
        def act(self, observations: FloatArray) -> IntArray:
            assert observations.shape == (2, 16)
            assert (observations.sum(axis=1) == 1).all()
            return np.array([path.get(place, 0) for place in observations.argmax(axis=1)])

    firm = EnvironmentSpec(id="FrozenLake-v1", kwargs={"is_slippery": False})
    np.testing.assert_array_equal(evaluate(Walk(), firm, 2, seed=0), [1, 1])


def test_an_environment_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(InputError, match="environment 'Nowhere-v0' cannot be made") as caught:
        evaluate(Lean(), EnvironmentSpec(id="Nowhere-v0"), 2, seed=0)
    assert "\n" not in str(caught.value)
