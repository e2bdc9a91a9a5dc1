"""Distil a Minari dataset of one's own, and train d3rlpy on what comes of it.

    python distil_minari.py own/cartpole-v0

The dataset is recorded here, by Minari alone, with a controller that pushes the cart under the
falling pole and acts at random half the time; one that exists already is used as it is.
"""

from __future__ import annotations

import sys

import gymnasium
import minari
import numpy as np
from minari.data_collector import EpisodeBuffer
from train_on_a_set import play, train

from harness import distill, load_dataset

EPISODES = 100
ENVIRONMENT = "CartPole-v1"


def record(dataset_id: str) -> None:
    """Record episodes and write them as a Minari dataset."""
    environment = gymnasium.make(ENVIRONMENT)
    rng = np.random.default_rng(0)
    episodes = [record_episode(environment, number, rng) for number in range(EPISODES)]
    minari.create_dataset_from_buffers(
        dataset_id,
        buffer=episodes,
        env=environment,
        algorithm_name="a hand-written controller, half random",
        description="Recorded by an example of bellman-bench.",
    )


def record_episode(
    environment: gymnasium.Env[np.ndarray, np.int64], number: int, rng: np.random.Generator
) -> EpisodeBuffer:
    """Play one episode."""
    observation, _ = environment.reset(seed=number)
    observations, steps, over = [observation], [], False
    while not over:
        _, _, angle, speed = observation
        guided = rng.random() < 0.5
        action = np.int64(angle + 0.3 * speed > 0 if guided else rng.integers(2))
        observation, reward, terminated, truncated, _ = environment.step(action)
        observations.append(observation)
        steps.append((action, float(reward), terminated, truncated))
        over = terminated or truncated
    actions, rewards, terminations, truncations = map(list, zip(*steps, strict=True))
    return EpisodeBuffer(
        id=number,
        seed=number,
        observations=observations,
        actions=actions,
        rewards=rewards,
        terminations=terminations,
        truncations=truncations,
    )


def main(dataset_id: str) -> None:
    """Record, distil, train and play."""
    if dataset_id not in minari.list_local_datasets():
        record(dataset_id)
    transitions = load_dataset(dataset_id)
    taught = distill(transitions, method="stratified", size=50, labels="advantage").transitions
    arrays = {name: getattr(taught, name) for name in ("observations", "actions", "rewards")}
    trained = train(arrays | {"terminations": taught.terminations})
    print(f"{len(taught)} of {len(transitions)} transitions of {dataset_id}")
    print(f"mean return of 10 episodes: {play(trained, ENVIRONMENT):.1f}")


if __name__ == "__main__":
    main(sys.argv[1])
