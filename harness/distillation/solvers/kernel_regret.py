"""What actions lose that kernel regression from a few labelled points prefers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array, IntArray
from harness.numerics.kernels import KernelSlopes, network_kernel, network_slopes


class Lost(NamedTuple):
    """A smoothed regret and its derivatives."""

    regret: float  # in units of the mean gap between the best and the worst action
    by_points: Float64Array  # (m, d)
    by_rewards: Float64Array  # (m,)


class KernelRegret:
    """Regret, at some states, of acting by kernel ridge regression from points with rewards.

    The kernel is that of wide networks with an output for each action, so that points of one action
    tell nothing of another, whose rewards are then taken for zero. Acting is smoothed: actions are
    taken with the probabilities of a softmax, without which there would be nothing to descend.
    """

    def __init__(
        self,
        states: Float64Array,
        worth: Float64Array,
        actions: IntArray,
        ridge: float,
        temperature: float,
    ) -> None:
        """Fix what does not move.

        Args:
            states: Where actions are taken, ``(n, d)``, in units that networks see.
            worth: Reward of every action there, ``(n, action_count)``.
            actions: Of the points, ``(m,)``.
            ridge: In units of the mean of the kernel's diagonal over the states.
            temperature: Of the softmax, in units of the mean gap between best and worst action.
        """
        gap = float(np.ptp(worth, axis=1).mean()) or 1.0  # where none is better, nothing is lost
        self._states = states
        self._losses = (worth.max(axis=1, keepdims=True) - worth) / gap
        self._members = [np.flatnonzero(actions == action) for action in np.unique(actions)]
        self._actions = np.unique(actions)
        self._noise = ridge * float(network_kernel(states, states).diagonal().mean())
        self._temperature = temperature * gap

    def greedy(self, points: Float64Array, rewards: Float64Array) -> float:
        """Regret of the best action by the regression, without smoothing."""
        best = self._values(self._regress(points, rewards)).argmax(axis=1)
        return float(self._losses[np.arange(len(best)), best].mean())

    def evaluate(self, points: Float64Array, rewards: Float64Array) -> Lost:
        """Compute the smoothed regret and its derivatives.

        Args:
            points: ``(m, d)``, in the units of the states.
            rewards: Theirs, ``(m,)``.
        """
        regressions = self._regress(points, rewards)
        regret, by_values = self._act(self._values(regressions))
        by_points, by_rewards = np.zeros_like(points), np.zeros_like(rewards)
        for action, mine, regression in zip(self._actions, self._members, regressions, strict=True):
            by_points[mine], by_rewards[mine] = regression.pull_back(by_values[:, action])
        return Lost(regret, by_points, by_rewards)

    def _regress(self, points: Float64Array, rewards: Float64Array) -> list[_Regression]:
        """Regress the rewards of each action that some point has."""
        return [
            _Regression.fit(self._states, points[mine], rewards[mine], self._noise)
            for mine in self._members
        ]

    def _values(self, regressions: Iterable[_Regression]) -> Float64Array:
        """Values of every action at the states, ``(n, action_count)``."""
        values: Float64Array = np.zeros_like(self._losses)
        for action, regression in zip(self._actions, regressions, strict=True):
            values[:, action] = regression.across.values @ regression.weights
        return values

    def _act(self, values: Float64Array) -> tuple[float, Float64Array]:
        """Mean loss of a softmax over values ``(n, action_count)``, and its derivatives."""
        scaled = values / self._temperature
        chances = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        lost = (chances * self._losses).sum(axis=1, keepdims=True)
        slopes = chances * (self._losses - lost) / (self._temperature * len(values))
        return float(lost.mean()), slopes


class _Regression(NamedTuple):
    """Kernel ridge regression from the points of one action."""

    across: KernelSlopes  # of states and points, (n, m)
    among: KernelSlopes  # of points, (m, m)
    factor: tuple[Float64Array, bool]  # of the kernel among points with the ridge
    weights: Float64Array  # (m,)

    @classmethod
    def fit(
        cls, states: Float64Array, points: Float64Array, rewards: Float64Array, noise: float
    ) -> Self:
        among = network_slopes(points, points)
        factor = scipy.linalg.cho_factor(among.values + noise * np.eye(len(points)))
        weights = scipy.linalg.cho_solve(factor, rewards)
        return cls(network_slopes(states, points), among, factor, weights)

    def pull_back(self, slopes: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Derivatives by points ``(m, d)`` and rewards ``(m,)`` from those by values ``(n,)``."""
        by_rewards = scipy.linalg.cho_solve(self.factor, self.across.values.T @ slopes)
        inside = -np.outer(by_rewards, self.weights)
        by_points = self.across.pull_back(np.outer(slopes, self.weights))
        return by_points + self.among.pull_back(inside + inside.T), by_rewards
