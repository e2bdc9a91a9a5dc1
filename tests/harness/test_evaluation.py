from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from harness.evaluation import evaluate
from harness.transitions import FloatArray, IntArray


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
    found = evaluate(policy, environment_id, 12, seed=100)
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(found, expected)
