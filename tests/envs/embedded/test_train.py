"""Training by augmented random search, on a task whose best policy is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box

from envs.embedded import train as training
from envs.embedded.linear import LinearPolicy
from envs.embedded.train import SETTINGS, Checkpoint, Moments, Settings, choose, train, write
from envs.formats.hdf5.d4rl_tasks import Task

BEST = np.array([[0.5, -0.3], [0.0, 0.2]])  # the action that is paid best, per observation


class Aim(gym.Env[Any, Any]):
    """Observations come anew at each step, and pay by how near the action is to the best."""

    observation_space = Box(-np.inf, np.inf, (2,), np.float64)
    action_space = Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        missed = action - BEST @ self.seen
        return self._observe(), -float(missed @ missed), False, False, {}

    def _observe(self) -> Any:
        self.seen = self.np_random.normal(size=2)
        return self.seen


QUICK = Settings(
    iterations=60, step_size=0.05, noise=0.05, directions=8, best=4, steps=20, checkpoint_every=20
)


def test_the_search_finds_what_is_paid_best_and_again_the_same() -> None:
    first, second = (train(Aim(), QUICK, "test") for _ in range(2))
    assert [each.iteration for each in first] == [20, 40, 60]
    np.testing.assert_allclose(first[-1].weights, BEST, atol=0.1)
    assert -80 < first[-1].mean_return < 0  # doing nothing is paid -380
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        np.testing.assert_array_equal(one.bias, other.bias)
    other_seed = train(Aim(), QUICK, "another")
    assert (other_seed[0].weights != first[0].weights).any()


def test_folded_weights_act_on_plain_observations_as_on_standardised_ones() -> None:
    draw = np.random.default_rng(0)
    seen = draw.normal([3.0, -40.0, 0.0], [1.0, 9.0, 0.1], (500, 3))
    weights = draw.normal(size=(2, 3))
    moments = Moments(3)
    for part in np.split(seen, 4):
        moments.add(part)
    plain, bias = moments.fold(weights)
    standardised = (seen - seen.mean(axis=0)) / seen.std(axis=0)
    np.testing.assert_allclose(seen @ plain.T + bias, standardised @ weights.T, atol=1e-9)


def test_the_medium_policy_is_an_earlier_one_of_nearly_half_the_score() -> None:
    returns = {10: 100.0, 20: 500.0, 30: 420.0, 40: 1000.0, 50: 450.0}
    empty = np.zeros((1, 1))
    made = [Checkpoint(each, worth, empty, empty[0]) for each, worth in returns.items()]
    chosen = choose(made, Task(reference_min=0.0, reference_max=5000.0, time_limit=1000))
    assert {name: each.iteration for name, each in chosen.items()} == {"medium": 30, "expert": 40}


def test_what_is_written_acts_as_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WEIGHTS", tmp_path)
    draw = np.random.default_rng(1)
    made = Checkpoint(7, 12.34, draw.normal(size=(3, 11)), draw.normal(size=3))
    content = json.loads(write("Hopper-v5", 4, {"expert": made}).read_text())
    assert content["command"] == "python -m envs.embedded.train Hopper-v5 --seed 4"
    stored = content["policies"]["expert"]
    policy = LinearPolicy(tuple(map(tuple, stored["weights"])), tuple(stored["bias"]))
    for _ in range(50):
        seen = draw.normal(size=11)
        wanted = np.clip(made.weights @ seen + made.bias, -1, 1)
        np.testing.assert_allclose(policy(seen), wanted, atol=1e-3)


@pytest.mark.parametrize("environment_id", SETTINGS)
def test_committed_weights_say_what_made_them(environment_id: str) -> None:
    content = json.loads((training.WEIGHTS / f"{environment_id}.json").read_text(encoding="utf-8"))
    assert content["command"].startswith(f"python -m envs.embedded.train {environment_id} --seed")
    medium, expert = content["policies"]["medium"], content["policies"]["expert"]
    assert medium["iteration"] < expert["iteration"] <= SETTINGS[environment_id].iterations
    assert medium["mean_return"] < expert["mean_return"]
