"""Arbitrary small data for tests."""

from __future__ import annotations

import numpy as np

from harness.core.transitions import Transitions


def random_transitions(
    rng: np.random.Generator, rows: int, obs_dim: int = 3, action_count: int = 2
) -> Transitions:
    """Small arbitrary data in which every cell of action × terminated holds rows."""
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
