"""The greedy policy of networks that the fast engine trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.learners.fast.exchange import restore
from harness.numerics.q_networks.layers import Shape, mean_values
from harness.numerics.q_networks.steps import Networks


class FastPolicy:
    """Greedy for the mean of the networks' Q-values; changes as their training continues."""

    def __init__(self, networks: Networks, shape: Shape, reward_scale: float, algo: Any) -> None:
        """Act by networks.

        Args:
            networks: The networks.
            shape: Of each.
            reward_scale: Factor that rewards were multiplied by.
            algo: A d3rlpy algorithm of the same configuration.
        """
        self.step = 0  # gradient steps so far
        self._networks = networks
        self._shape = shape
        self._reward_scale = reward_scale
        self._algo = algo

    def act(self, observations: FloatArray) -> IntArray:
        """Choose the action of maximum Q-value, ``(B, obs_dim) -> (B,)``."""
        actions: IntArray = self._values(observations).argmax(axis=1)
        return actions

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action in units of the rewards, ``(B, obs_dim) -> (B, action_count)``."""
        return self._values(observations).astype(np.float64) / self._reward_scale

    @property
    def algo(self) -> Any:
        """The d3rlpy algorithm in the same state, which d3rlpy can save, and train on."""
        restore(self._algo, self._networks, self.step)
        return self._algo

    def _values(self, observations: FloatArray) -> FloatArray:
        states = np.array(observations, self._networks.parameters.dtype, order="C")  # writable
        values: FloatArray = mean_values(self._networks.parameters, self._shape, states)
        return values
