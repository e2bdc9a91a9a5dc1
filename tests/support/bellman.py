"""Bellman losses from their definition, to test what is computed in other ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.arrays import Float64Array, FloatArray
from harness.core.transitions import Transitions
from harness.numerics.standardising import Standardiser


@dataclass(frozen=True, eq=False)
class Predictors:
    """Additive predictors ``f(s, a) = w·(s, 1) + c[a]`` with reward scales λ."""

    states: Float64Array  # (k, obs_dim + 1) w
    actions: Float64Array  # (k, action_count) c
    rewards: Float64Array  # (k,) λ

    @classmethod
    def draw(cls, count: int, data: Transitions, rng: np.random.Generator) -> Predictors:
        """Draw standard normal predictors."""
        return cls.unpack(rng.normal(size=(count, data.obs_dim + data.action_count + 2)), data)

    @classmethod
    def unpack(cls, packed: Float64Array, data: Transitions) -> Predictors:
        """Split rows ``(w, c, λ)``."""
        split = data.obs_dim + 1
        return cls(packed[:, :split], packed[:, split:-1], packed[:, -1])


def bellman_losses(
    predictors: Predictors, data: Transitions, standardiser: Standardiser, discount: float
) -> FloatArray:
    """Bellman loss of each predictor, ``(k,)``."""
    now = with_one((data.observations - standardiser.mean) / standardiser.scale)
    then = with_one((data.next_observations - standardiser.mean) / standardiser.scale)
    alive = 1.0 - data.terminations
    losses = np.empty(len(predictors.rewards))
    for k, (w, c, scale) in enumerate(
        zip(predictors.states, predictors.actions, predictors.rewards, strict=True)
    ):
        target = scale * data.rewards + discount * alive * (then @ w + c.max())
        losses[k] = np.average((now @ w + c[data.actions] - target) ** 2, weights=data.weights)
    return losses


def with_one(states: FloatArray) -> Float64Array:
    return np.column_stack([states, np.ones(len(states))]).astype(np.float64)
