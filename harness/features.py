"""Feature maps φ(s, a) with one-hot actions, and the Bellman rows that they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from harness.transitions import FloatArray, IntArray, Transitions


@dataclass(frozen=True)
class Standardiser:
    """Z-scoring of observations with the statistics of one dataset."""

    mean: NDArray[np.float64]  # (obs_dim,)
    scale: NDArray[np.float64]  # (obs_dim,) standard deviation; one where a column is constant

    @classmethod
    def fit(cls, transitions: Transitions) -> Self:
        """Take weighted mean and standard deviation of the observations."""
        observations = transitions.observations.astype(np.float64)
        mean = transitions.shares @ observations
        deviation = np.sqrt(transitions.shares @ (observations - mean) ** 2)
        return cls(mean, np.where(deviation > 0, deviation, 1.0))

    def apply(self, observations: FloatArray) -> NDArray[np.float64]:
        """Z-score ``(N, obs_dim)`` observations."""
        return (observations.astype(np.float64) - self.mean) / self.scale

    def invert(self, standardised: FloatArray) -> NDArray[np.float64]:
        """Undo `apply`."""
        return standardised * self.scale + self.mean


def one_hot(actions: IntArray, count: int) -> NDArray[np.float64]:
    """Encode actions ``(N,)`` as rows ``(N, count)`` of zeros and a one."""
    return np.eye(count)[actions]


def state_features(standardised: FloatArray) -> NDArray[np.float64]:
    """φ₁: identity and bias, ``(N, obs_dim) -> (N, obs_dim + 1)``."""
    return np.column_stack([standardised, np.ones(len(standardised))])


def additive_rows(
    transitions: Transitions, standardiser: Standardiser, discount: float
) -> NDArray[np.float64]:
    """Rows ξ in which the Bellman residual of an additive linear predictor is linear.

    With ``f(s, a) = w·φ₁(s) + c[a]`` the residual is ``u·ξ`` for
    ``u = (w, c, -λ, -γ max c)`` and ``ξ = [φ₁(s) - γ(1-b)φ₁(s'); onehot(a); r; 1-b]``.

    Returns:
        Rows of shape ``(N, obs_dim + 1 + action_count + 2)``.
    """
    alive = 1.0 - transitions.terminations
    now = state_features(standardiser.apply(transitions.observations))
    then = state_features(standardiser.apply(transitions.next_observations))
    return np.column_stack(
        [
            now - discount * alive[:, None] * then,
            one_hot(transitions.actions, transitions.action_count),
            transitions.rewards,
            alive,
        ]
    )
