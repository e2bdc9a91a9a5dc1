"""Train d3rlpy's DQN on a committed set of 50 labelled transitions, without bellman-bench.

python train_on_a_set.py ../results/sets/cartpole-medium-50.npz CartPole-v1
"""

import sys

import d3rlpy
import gymnasium
import numpy as np
import torch

STEPS = 1500
REWARD_SCALE = 0.01  # keeps errors in the quadratic part of DQN's Huber loss

torch.set_num_threads(1)  # fastest for networks as small as these
path, environment_id = sys.argv[1:]
arrays = np.load(path, allow_pickle=False)

# advantage labels: every transition is an episode of one step, which pays the advantage
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

environment = gymnasium.make(environment_id)
returns = []
for episode in range(10):
    observation, _ = environment.reset(seed=episode)
    total, over = 0.0, False
    while not over:
        action = int(dqn.predict(np.asarray([observation], dtype=np.float32))[0])
        observation, reward, terminated, truncated, _ = environment.step(action)
        total, over = total + float(reward), terminated or truncated
    returns.append(total)
print(f"mean return of 10 episodes: {np.mean(returns):.1f}")
