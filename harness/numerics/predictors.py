"""Batches of Q-functions, the distributions they are sampled from, and their Bellman losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.numerics.features import FeatureMap
from harness.numerics.standardising import StandardRows

Actions = Literal["additive", "product"]
ROWS = 4096  # maximum number of rows evaluated at a time
NUMBERS = 1 << 22  # maximum number of floats for their values and hidden units


class Predictors(ABC):
    """``k`` Q-functions ``f_j(s, a)``, each with the reward scale ``λ_j`` of its Bellman loss."""

    reward_scales: Float64Array  # (k,)

    @property
    @abstractmethod
    def numbers(self) -> int:
        """Number of floats needed to compute the values of one state."""

    @abstractmethod
    def values(self, states: Float64Array) -> Float64Array:
        """Q-values of every action, ``(N, obs_dim) -> (N, k, action_count)``."""

    @abstractmethod
    def gradients(self, states: Float64Array, actions: IntArray) -> Float64Array:
        """Derivatives ``∂f_j(s, a) / ∂s`` at actions ``(N, k)``, shape ``(N, k, obs_dim)``."""


@dataclass(frozen=True, eq=False)
class LinearPredictors(Predictors):
    """Q-functions linear in ``φ₁(s) ⊗ onehot(a)`` or ``[φ₁(s); onehot(a)]``."""

    features: FeatureMap
    weights: Float64Array  # (k, action_count, width), or (k, 1, width) where actions share them
    offsets: Float64Array  # (k, action_count)
    reward_scales: Float64Array  # (k,)

    @property
    def numbers(self) -> int:
        """Features, and one value per Q-function and action."""
        return self.features.width + self.offsets.size

    def values(self, states: Float64Array) -> Float64Array:
        """One matrix product for all predictors."""
        k, heads, width = self.weights.shape
        flat = self.features(states) @ self.weights.reshape(k * heads, width).T
        values: Float64Array = flat.reshape(len(states), k, heads) + self.offsets
        return values

    def gradients(self, states: Float64Array, actions: IntArray) -> Float64Array:
        """Chain rule through the features."""
        k, heads, _ = self.weights.shape
        chosen = self.weights[np.arange(k), actions if heads > 1 else 0]
        if chosen.ndim == 2:
            chosen = np.broadcast_to(chosen, (len(states), *chosen.shape))
        slopes: Float64Array = chosen @ self.features.jacobian(states)
        return slopes


@dataclass(frozen=True, eq=False)
class NetworkPredictors(Predictors):
    """Random networks with one hidden ReLU layer and one output per action."""

    hidden: Float64Array  # (obs_dim, k, units)
    biases: Float64Array  # (k, units)
    outputs: Float64Array  # (k, units, action_count)
    reward_scales: Float64Array  # (k,)

    @property
    def numbers(self) -> int:
        """Hidden units of all networks, which are more than their outputs."""
        return self.biases.size

    def values(self, states: Float64Array) -> Float64Array:
        """Forward pass of every network at every state."""
        units: Float64Array = np.maximum(np.tensordot(states, self.hidden, axes=1) + self.biases, 0)
        values: Float64Array = np.matmul(units.transpose(1, 0, 2), self.outputs)
        return np.ascontiguousarray(values.transpose(1, 0, 2))

    def gradients(self, states: Float64Array, actions: IntArray) -> Float64Array:
        """Weights of the active units."""
        active = np.tensordot(states, self.hidden, axes=1) + self.biases > 0  # (N, k, units)
        chosen = self.outputs.transpose(0, 2, 1)[np.arange(len(self.biases)), actions]
        slopes: Float64Array = np.einsum(
            "nkh,dkh->nkd", active * chosen, self.hidden, optimize=True
        )
        return slopes


def sample_linear(
    features: FeatureMap, action_count: int, actions: Actions, count: int, rng: np.random.Generator
) -> LinearPredictors:
    """Draw Gaussian linear Q-functions, the paper's distribution.

    Weights have variance one over their number, so that Q-values are of order one on z-scored
    states; λ is standard normal, so that scaled rewards are of order one as well.
    """
    heads = action_count if actions == "product" else 1
    number = features.width * heads + (action_count if actions == "additive" else 0)
    weights = rng.normal(size=(count, heads, features.width)) / np.sqrt(number / heads)
    offsets = np.zeros((count, action_count))
    if actions == "additive":
        offsets = rng.normal(size=(count, action_count)) / np.sqrt(number)
    return LinearPredictors(features, weights, offsets, rng.normal(size=count))


def sample_networks(
    obs_dim: int, action_count: int, units: int, count: int, rng: np.random.Generator
) -> NetworkPredictors:
    """Draw random networks with He-initialised weights and a standard normal λ."""
    return NetworkPredictors(
        hidden=rng.normal(size=(obs_dim, count, units)) * np.sqrt(2 / obs_dim),
        biases=rng.normal(size=(count, units)),
        outputs=rng.normal(size=(count, units, action_count)) / np.sqrt(units),
        reward_scales=rng.normal(size=count),
    )


def sample_around(
    centre: LinearPredictors,
    spread: float,
    actions: Actions,
    count: int,
    rng: np.random.Generator,
) -> LinearPredictors:
    """Draw Q-functions around a given one (the law ``localised``), with every λ equal to one.

    Each deviation is a draw of `sample_linear` times a scale, log-uniform between 0.02 and 0.5 of
    ``spread``, the standard deviation of the centre's values on the data.
    """
    action_count = centre.offsets.shape[1]
    drawn = sample_linear(centre.features, action_count, actions, count, rng)
    scales = spread * np.exp(rng.uniform(np.log(0.02), np.log(0.5), size=count))
    return LinearPredictors(
        centre.features,
        centre.weights + scales[:, None, None] * drawn.weights,
        centre.offsets + scales[:, None] * drawn.offsets,
        np.ones(count),
    )


def td_errors(predictors: Predictors, rows: StandardRows, discount: float) -> Float64Array:
    """TD errors ``f(s, a) - λ r - γ(1-b) max f(s', ·)``, shape ``(N, k)``."""
    values = predictors.values(rows.states)
    taken = np.take_along_axis(values, rows.actions[:, None, None], axis=2)[:, :, 0]
    best = predictors.values(rows.next_states).max(axis=2)
    alive = discount * ~rows.terminated
    errors: Float64Array = taken - rows.rewards[:, None] * predictors.reward_scales
    errors -= alive[:, None] * best
    return errors


def bellman_losses(
    predictors: Predictors, rows: StandardRows, shares: Float64Array, discount: float
) -> Float64Array:
    """Bellman losses: weighted mean squared TD errors.

    Args:
        predictors: ``k`` Q-functions.
        rows: ``N`` rows, processed in blocks.
        shares: Weights of the rows, ``(groups, N)``, one loss for each group.
        discount: γ.

    Returns:
        Shape ``(groups, k)``.
    """
    losses = np.zeros((len(shares), len(predictors.reward_scales)))
    count = min(ROWS, max(1, NUMBERS // predictors.numbers))
    for begin in range(0, len(rows), count):
        part = slice(begin, begin + count)
        losses += shares[:, part] @ td_errors(predictors, rows.take(part), discount) ** 2
    return losses
