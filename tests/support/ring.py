"""A task whose advantages are known everywhere: the sector of the plane decides what is best."""

from __future__ import annotations

import numpy as np

from harness.core.transitions import Transitions


def ring(states: int, seed: int = 0) -> Transitions:
    """A row for each of three actions in states of the plane: the sector decides which is best."""
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(states, 2))
    angle = np.arctan2(places[:, 1], places[:, 0])
    worth = np.cos(angle[:, None] - 2 * np.pi / 3 * np.arange(3))
    rows = np.repeat(places, 3, axis=0)
    return Transitions(
        observations=rows,
        actions=np.tile(np.arange(3), states),
        rewards=(50 * (worth - worth.mean(axis=1, keepdims=True))).ravel(),
        next_observations=rows,
        terminations=np.ones(len(rows), dtype=np.bool_),
        weights=np.ones(len(rows)),
        action_count=3,
    )
