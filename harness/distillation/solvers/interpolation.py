"""Rewards at states that no row has: smooth functions through those of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array, IntArray
from harness.numerics.kernels import gaussian_kernel, gaussian_slopes

RIDGE = 1e-6  # of a kernel whose diagonal is one: enough for states that are alike


class Smooth(NamedTuple):
    """A sum of Gaussian bumps at some rows."""

    states: Float64Array  # (n, d)
    weights: Float64Array  # (n,)


@dataclass(frozen=True, eq=False)
class Interpolation:
    """For each action a smooth function of z-scored states through the rewards of its rows."""

    of_action: Mapping[int, Smooth]  # those that some row takes
    action_count: int

    @classmethod
    def fit(
        cls,
        states: Float64Array,
        actions: IntArray,
        rewards: Float64Array,
        action_count: int,
        most: int,
        rng: np.random.Generator,
    ) -> Self:
        """Interpolate with the Gaussian kernel.

        Args:
            states: Z-scored, ``(N, d)``.
            actions: ``(N,)``.
            rewards: ``(N,)``.
            action_count: Number of actions.
            most: Rows of each action that are used; of more, so many are drawn.
            rng: Draws them.
        """
        found = {}
        for action in np.unique(actions).tolist():
            rows = np.flatnonzero(actions == action)
            rows = rng.choice(rows, min(most, len(rows)), replace=False)
            kernel = gaussian_kernel(states[rows], states[rows])
            kernel[np.diag_indices_from(kernel)] += RIDGE
            weights = scipy.linalg.solve(kernel, rewards[rows], assume_a="pos")
            found[action] = Smooth(states[rows], weights)
        return cls(found, action_count)

    def table(self, states: Float64Array) -> Float64Array:
        """Rewards of every action, zero of one that no row takes, ``(M, action_count)``."""
        found = np.zeros((len(states), self.action_count))
        for action, smooth in self.of_action.items():
            found[:, action] = smooth.weights @ gaussian_kernel(smooth.states, states)
        return found

    def slopes(self, states: Float64Array, actions: IntArray) -> tuple[Float64Array, Float64Array]:
        """Rewards of an action at each state ``(M,)``, and their derivatives ``(M, d)``.

        Args:
            states: Z-scored, ``(M, d)``.
            actions: ``(M,)``, each taken by some row.
        """
        rewards, derivatives = np.zeros(len(states)), np.zeros_like(states)
        for action in np.unique(actions).tolist():
            mine, smooth = actions == action, self.of_action[action]
            kernel = gaussian_slopes(smooth.states, states[mine])
            rewards[mine] = smooth.weights @ kernel.values
            spread = np.broadcast_to(smooth.weights[:, None], kernel.values.shape)
            derivatives[mine] = kernel.pull_back(spread)
        return rewards, derivatives
