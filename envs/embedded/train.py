"""Training of the embedded linear policies by augmented random search.

The algorithm (ARS, version V2-t) is of Mania, Guy and Recht, "Simple random search provides a
competitive approach to reinforcement learning" (NeurIPS 2018, arXiv:1803.07055). Run as::

    python -m envs.embedded.train Hopper-v5 --seed 0

it rewrites the policies that are committed for an environment, in minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, cast

import numpy as np
from gymnasium.spaces import Box

from envs.embedded.behaviour import Behaviour
from envs.embedded.tiers import TRAINED
from envs.environment import Environment, make_environment
from envs.formats.hdf5.d4rl_tasks import Task, find_task
from harness.core.arrays import Float64Array, FloatArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.seeding import derive_seed, stream

WEIGHTS: Final = Path(__file__).parent / "weights"
TEST_EPISODES: Final = 10  # of each checkpoint, played as in the datasets
MEDIUM_SHARE: Final = 0.45  # of the expert's normalised score, which the medium one comes nearest


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters of a training, named as in the paper's Algorithm 2."""

    iterations: int
    step_size: float
    noise: float  # standard deviation of a direction's entries
    directions: int  # in each iteration
    best: int  # of them, by which the weights are moved
    steps: int  # at most, of a training episode
    bonus: float = 0.0  # of staying alive, in each reward: taken off, for it rewards standing still
    checkpoint_every: int = 10  # iterations


SETTINGS: Final = {
    "Hopper-v5": Settings(
        iterations=160, step_size=0.01, noise=0.025, directions=8, best=4, steps=1000, bonus=1.0
    ),
    "HalfCheetah-v5": Settings(
        iterations=80, step_size=0.02, noise=0.03, directions=8, best=4, steps=400
    ),
}


class Checkpoint(NamedTuple):
    """A policy of a training and what it was worth."""

    iteration: int
    mean_return: float  # over episodes with random actions
    weights: Float64Array  # (action_dim, obs_dim)
    bias: Float64Array  # (action_dim,)


@dataclass
class Moments:
    """Running mean and standard deviation of observations."""

    obs_dim: int
    count: int = 0
    total: Float64Array = field(init=False)  # (obs_dim,)
    squares: Float64Array = field(init=False)  # (obs_dim,)

    def __post_init__(self) -> None:
        self.total, self.squares = np.zeros(self.obs_dim), np.zeros(self.obs_dim)

    def add(self, observations: FloatArray) -> None:
        """Take account of observations ``(T, obs_dim)``."""
        self.count += len(observations)
        self.total += observations.sum(axis=0)
        self.squares += np.square(observations).sum(axis=0)

    def fold(self, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Turn weights of standardised observations into weights and biases of plain ones."""
        if not self.count:
            return weights, np.zeros(len(weights))
        mean = self.total / self.count
        variance = self.squares / self.count - mean**2
        plain = weights / np.sqrt(np.maximum(variance, 1e-12))
        return plain, -plain @ mean


def play(
    env: Environment,
    policy: tuple[Float64Array, Float64Array],
    seed: int,
    steps: int,
    random_share: float = 0.0,
) -> tuple[Float64Array, FloatArray]:
    """Run one episode of a linear policy, of so many steps at most.

    Returns:
        Its rewards ``(T,)`` and observations ``(T, obs_dim)``.
    """
    weights, bias = policy
    behaviour = Behaviour(lambda seen: np.clip(weights @ seen + bias, -1, 1), random_share)
    space, rng = cast(Box, env.action_space), np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    rewards, observations = [], []
    for _ in range(steps):
        observations.append(observation)
        action = behaviour.act(observation, space, rng)
        observation, reward, terminated, truncated, _ = env.step(action)
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return np.array(rewards), np.array(observations)


def train(env: Environment, settings: Settings, identity: str) -> list[Checkpoint]:
    """Train a linear policy, and return its checkpoints in order.

    Args:
        env: An environment with actions in -1..1.
        settings: The hyper-parameters.
        identity: Seeds are derived from it.
    """
    actions, observations = cast(Box, env.action_space), cast(Box, env.observation_space)
    weights = np.zeros((actions.shape[0], observations.shape[0]))
    moments, rng, checkpoints = Moments(observations.shape[0]), stream("ars", identity), []
    for iteration in range(1, settings.iterations + 1):
        weights = weights + _step(env, weights, moments, settings, rng)
        if iteration % settings.checkpoint_every == 0:
            weights_and_bias = moments.fold(weights)
            score = _mean_return(env, weights_and_bias, identity)
            print(f"iteration {iteration}: mean return {score:.1f}", flush=True)
            checkpoints.append(Checkpoint(iteration, score, *weights_and_bias))
    return checkpoints


def _step(
    env: Environment,
    weights: Float64Array,
    moments: Moments,
    settings: Settings,
    rng: np.random.Generator,
) -> Float64Array:
    """Return one update of the weights; observations on the way are added to the moments."""
    directions = rng.normal(size=(settings.directions, *weights.shape))
    returns = np.empty((settings.directions, 2))
    seen = []
    for number, direction in enumerate(directions):
        seed = int(rng.integers(2**31))  # a pair starts alike
        for side, sign in enumerate((1, -1)):
            policy = moments.fold(weights + sign * settings.noise * direction)
            rewards, observations = play(env, policy, seed, settings.steps)
            returns[number, side] = rewards.sum() - settings.bonus * len(rewards)
            seen.append(observations)
    moments.add(np.concatenate(seen))
    best = np.argsort(-returns.max(axis=1))[: settings.best]
    gains = returns[best, 0] - returns[best, 1]
    scale = settings.step_size / (settings.best * max(float(returns[best].std()), 1e-9))
    return scale * np.tensordot(gains, directions[best], axes=1)


def _mean_return(
    env: Environment, policy: tuple[Float64Array, Float64Array], identity: str
) -> float:
    seeds = [derive_seed("test", identity, number) % 2**31 for number in range(TEST_EPISODES)]
    return float(np.mean([play(env, policy, seed, 1000, TRAINED)[0].sum() for seed in seeds]))


def choose(checkpoints: Sequence[Checkpoint], task: Task) -> dict[str, Checkpoint]:
    """Choose the best checkpoint, and one before it of nearly half its score."""
    best = max(checkpoints, key=lambda each: each.mean_return)
    goal = task.reference_min + MEDIUM_SHARE * (best.mean_return - task.reference_min)
    until = [each for each in checkpoints if each.iteration <= best.iteration]
    return {"medium": min(until, key=lambda each: abs(each.mean_return - goal)), "expert": best}


def write(environment_id: str, seed: int, policies: dict[str, Checkpoint]) -> Path:
    """Write the policies of an environment into the package, and return the file."""
    content = {
        "command": f"python -m {__spec__.name} {environment_id} --seed {seed}",
        "policies": {
            name: {
                "iteration": each.iteration,
                "mean_return": round(each.mean_return, 1),
                "weights": each.weights.round(4).tolist(),
                "bias": each.bias.round(4).tolist(),
            }
            for name, each in policies.items()
        },
    }
    path = WEIGHTS / f"{environment_id}.json"
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Train for the environment that the command line names."""
    parser = argparse.ArgumentParser(description="Train the linear policies of an environment.")
    parser.add_argument("environment", choices=sorted(SETTINGS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    identity = f"{given.environment}/{given.seed}"
    with closing(make_environment(EnvironmentSpec(id=given.environment))) as env:
        checkpoints = train(env, SETTINGS[given.environment], identity)
    task = cast(Task, find_task(f"{given.environment.partition('-')[0].lower()}-expert"))
    print(write(given.environment, given.seed, choose(checkpoints, task)))


if __name__ == "__main__":
    main()
