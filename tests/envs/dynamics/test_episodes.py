"""Compiled environments give the digits of gymnasium."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium
import numpy as np
import pytest

from envs.dynamics import classic
from envs.dynamics.episodes import compile_environment
from envs.evaluation import evaluate
from harness.core.arrays import FloatArray, IntArray
from harness.core.classes.environments import EnvironmentSpec

CLASSIC = ["CartPole-v1", "CartPole-v0", "MountainCar-v0", "Acrobot-v1"]

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of date:DeprecationWarning")


def sticky(rng: np.random.Generator, count: int) -> Any:
    """Actions that are held for a while, which swing further than random ones."""
    while True:
        action = int(rng.integers(count))
        yield from [action] * int(rng.integers(1, 15))


@pytest.mark.parametrize("environment_id", CLASSIC)
def test_every_digit_is_gymnasiums(environment_id: str) -> None:
    environment = gymnasium.make(environment_id)
    compiled = compile_environment(EnvironmentSpec(id=environment_id))
    assert compiled is not None
    actions = sticky(np.random.default_rng(0), compiled.action_space.n)  # type: ignore[attr-defined]
    ends = set()
    for seed in range(20):
        observation, _ = environment.reset(seed=seed)
        episodes = compiled.start(1, seed)
        np.testing.assert_array_equal(episodes.observations[0], observation)
        for step in range(1, 10_000):
            action = next(actions)
            observation, reward, terminated, truncated, _ = environment.step(action)
            episodes.step(np.array([action]))
            expected = environment.unwrapped.state, observation, reward, terminated  # type: ignore[attr-defined]
            for found, known in zip(episodes.first(), expected, strict=True):
                np.testing.assert_array_equal(found, known)
            assert truncated == (step == compiled.step_limit)
            if terminated or truncated:
                break
        ends.add((terminated, truncated))
    assert (True, False) in ends


class Mixed:
    """Acts by a fixed random projection: episodes end at different steps."""

    def __init__(self, obs_dim: int, count: int) -> None:
        self.weights = np.random.default_rng(1).normal(size=(obs_dim, count))

    def act(self, observations: FloatArray) -> IntArray:
        actions: IntArray = (observations @ self.weights).argmax(axis=1)
        return actions


@pytest.mark.parametrize("environment_id", CLASSIC)
def test_returns_are_gymnasiums(environment_id: str) -> None:
    compiled = compile_environment(EnvironmentSpec(id=environment_id))
    assert compiled is not None
    shape = compiled.observation_space.shape or (0,)
    policy = Mixed(shape[0], compiled.action_space.n)  # type: ignore[attr-defined]
    expected = evaluate(policy, EnvironmentSpec(id=environment_id), 12, seed=5)
    np.testing.assert_array_equal(evaluate(policy, compiled, 12, seed=5), expected)


@pytest.mark.parametrize("environment_id", ["Pendulum-v1", "unknown-v0"])
def test_others_are_not_compiled(environment_id: str) -> None:
    assert compile_environment(EnvironmentSpec(id=environment_id)) is None


@pytest.mark.parametrize(
    "otherwise",
    [
        {"kwargs": {"sutton_barto_reward": True}},
        {"max_episode_steps": 40},
        {"wrappers": ({"name": "ClipReward", "kwargs": {"max_reward": 0.5}},)},
    ],
)
def test_one_that_data_make_otherwise_is_not_compiled(otherwise: dict[str, Any]) -> None:
    assert compile_environment(EnvironmentSpec(id="CartPole-v1", **otherwise)) is None


def test_one_that_is_registered_otherwise_is_not_compiled() -> None:
    gymnasium.register(
        "Rewarded-v0",
        entry_point="gymnasium.envs.classic_control.cartpole:CartPoleEnv",
        max_episode_steps=500,
        kwargs={"sutton_barto_reward": True},
    )
    assert compile_environment(EnvironmentSpec(id="Rewarded-v0")) is None


def test_digits_that_differ_are_seen(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a machine whose library of mathematics rounds otherwise."""

    step = classic.step_mountain_car

    def almost(states: Any, actions: Any, observations: Any, rewards: Any, over: Any) -> None:
        step(states, actions, observations, rewards, over)
        states[:] *= 1 + 1e-15

    monkeypatch.setattr(classic, "step_mountain_car", almost)
    compile_environment.cache_clear()
    logging.getLogger("bellman_bench").propagate = True
    assert compile_environment(EnvironmentSpec(id="MountainCar-v0")) is None
    assert "differ from gymnasium's" in caplog.text
    compile_environment.cache_clear()
