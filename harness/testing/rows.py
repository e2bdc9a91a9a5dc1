"""Arbitrary small data for contract tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


def random_transitions(
    rng: np.random.Generator, rows: int, obs_dim: int = 3, action_count: int = 2
) -> Transitions:
    """Draw data in which every cell of action × terminated holds rows, of unequal weights."""
    cells = np.arange(rows) % (2 * action_count)
    return Transitions(
        observations=rng.normal(size=(rows, obs_dim)),
        actions=cells // 2,
        rewards=rng.normal(size=rows),
        next_observations=rng.normal(size=(rows, obs_dim)),
        terminations=cells % 2 == 1,
        weights=rng.uniform(0.5, 2.0, size=rows),
        action_count=action_count,
    )


def in_episodes(transitions: Transitions, length: int = 7) -> Transitions:
    """Let rows form episodes of so many steps."""
    return replace(transitions, episodes=np.arange(len(transitions)) // length)


def with_codes(transitions: Transitions) -> Transitions:
    """Let numbers of actions stand for evenly spaced codes in −1..1."""
    codes = np.linspace(-1.0, 1.0, transitions.action_count)[:, None]
    return replace(transitions, codes=codes)


def random_regression(rng: np.random.Generator, rows: int, columns: int = 4) -> RegressionSet:
    """Draw correlated features off centre, a noisy linear target and unequal weights."""
    mixing = rng.normal(size=(columns, columns))
    features = rng.normal(size=(rows, columns)) @ mixing + rng.normal(size=columns)
    targets = features @ rng.normal(size=columns) + rng.normal(size=rows) + 3.0
    return RegressionSet(features, targets, rng.uniform(0.5, 2.0, size=rows))


def bandit(rewards: list[float], weights: list[float]) -> Transitions:
    """One state; rows alternate between two actions, and every episode ends at once."""
    rows = len(rewards)
    return Transitions(
        observations=np.ones((rows, 1)),
        actions=np.arange(rows) % 2,
        rewards=np.array(rewards),
        next_observations=np.ones((rows, 1)),
        terminations=np.ones(rows, dtype=bool),
        weights=np.array(weights),
        action_count=2,
    )
