"""Train d3rlpy's DQN on a committed set of 50 labelled transitions, without bellman-bench.

python train_on_a_set.py ../results/sets/cartpole-medium-50.npz CartPole-v1
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import d3rlpy
import gymnasium
import numpy as np
import torch

STEPS = 1500
REWARD_SCALE = 0.01  # keeps errors in the quadratic part of DQN's Huber loss


def train(arrays: Mapping[str, Any]) -> Any:
    """Train on the arrays of a set.

    Advantage labels: every transition is an episode of one step, which pays the advantage.
    """
    torch.set_num_threads(1)  # fastest for networks as small as these
    dataset = d3rlpy.dataset.MDPDataset(
        observations=arrays["observations"].astype(np.float32),
        actions=arrays["actions"].reshape(-1, 1),
        rewards=(REWARD_SCALE * arrays["rewards"]).astype(np.float32).reshape(-1, 1),
        terminals=arrays["terminations"].astype(np.float32),
        action_space=d3rlpy.ActionSpace.DISCRETE,
    )
    d3rlpy.seed(0)
    dqn = d3rlpy.algos.DQNConfig(learning_rate=1e-3, batch_size=64).create(device=False)
    dqn.fit(
        dataset,
        n_steps=STEPS,
        n_steps_per_epoch=STEPS,
        logger_adapter=d3rlpy.logging.NoopAdapterFactory(),
        show_progress=False,
    )
    return dqn


def play(dqn: Any, environment_id: str, episodes: int = 10) -> float:
    """Return the mean return of a trained model."""
    environment = gymnasium.make(environment_id)
    returns = []
    for episode in range(episodes):
        observation, _ = environment.reset(seed=episode)
        total, over = 0.0, False
        while not over:
            action = int(dqn.predict(np.asarray([observation], dtype=np.float32))[0])
            observation, reward, terminated, truncated, _ = environment.step(action)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    return float(np.mean(returns))


if __name__ == "__main__":
    path, environment_id = sys.argv[1:]
    trained = train(np.load(path, allow_pickle=False))
    print(f"mean return of 10 episodes: {play(trained, environment_id):.1f}")
