"""Fitted Q-iteration in closed form whose level is free: no value is pulled towards zero.

Ridge regression that penalises the level of values makes states worth zero where data are thin.
With rewards of -1 that is optimism about the unknown, with +1 it is 'stay where the data are', and
on classic control either solves the task without any signal (the survival instinct of Li et al.,
NeurIPS 2023). Here each iteration regresses what targets differ by from their mean, over all
actions together, and adds the mean back: data without signal give a constant, and no preference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from harness.core.arrays import BoolArray, Float64Array, IntArray
from harness.core.errors import InputError
from harness.numerics.features import FeatureMap
from harness.numerics.predictors import LinearPredictors
from harness.numerics.standardising import StandardRows

Float32Array = NDArray[np.float32]

BLOCK = 256  # rows that are worked on at a time, so that their features stay in a core's cache


@dataclass(frozen=True, eq=False)
class LevelFreeFit:
    """A Q-function, linear in features with weights of each action, and how well it fits."""

    q: LinearPredictors  # one predictor; its offsets are the level
    left_out_error: float  # mean squared leave-one-out error over the variance of the targets


def fit_level_free_q(
    rows: StandardRows,
    shares: Float64Array,
    features: FeatureMap,
    action_count: int,
    discount: float,
    ridge: float,
    iterations: int,
    choices: BoolArray,
) -> LevelFreeFit:
    """Apply the fitted Bellman operator again and again, from zero.

    Features are held in single precision, in which the iteration is twice as quick; regressions
    are solved in double precision.

    Args:
        rows: The dataset, ``N`` rows.
        shares: Their normalised weights, ``(N,)``.
        features: φ of the states.
        action_count: Actions that the environment offers.
        discount: γ.
        ridge: Penalty on squared weights, for each unit of weight that a regression sees.
        iterations: Times that the operator is applied.
        choices: Actions that the best one is among, ``(action_count,)``.

    Raises:
        InputError: If values are not finite.
    """
    regressions = _Regressions.of(rows, shares, features, action_count, ridge)
    alive = (discount * ~rows.terminated[regressions.order]).astype(np.float32)
    rewards = rows.rewards[regressions.order].astype(np.float32)
    then = _in_single_precision(features, rows.next_states[regressions.order])
    targets = rewards
    weights, level = regressions.solve(targets)
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is refused below
        for _ in range(iterations - 1):
            # One action after the other: the maximum over columns of a row each is much slower.
            best = (weights[choices].astype(np.float32) @ then.T).max(axis=0)
            targets = rewards + alive * (best + np.float32(level))
            weights, level = regressions.solve(targets)
    if not (np.isfinite(weights).all() and np.isfinite(level)):
        raise InputError(
            "fitted Q-iteration diverged: its values must be finite; raise the ridge or scale the "
            "dataset down"
        )
    q = LinearPredictors(features, weights[None], np.full((1, action_count), level), np.ones(1))
    return LevelFreeFit(q, regressions.left_out_error(targets, weights, level))


@dataclass(frozen=True, eq=False)
class _Regressions:
    """One weighted ridge regression for each action, factored once; rows stand by action."""

    order: IntArray  # (N,) rows of the dataset, those of one action together
    edges: IntArray  # (action_count + 1,) where the rows of each action begin
    now: Float32Array  # (N, width) features of the states, in that order
    shares: Float64Array  # (N,) normalised weights, in that order
    factors: tuple[tuple[Float64Array, bool] | None, ...]  # of each action; None: no row takes it

    @classmethod
    def of(
        cls,
        rows: StandardRows,
        shares: Float64Array,
        features: FeatureMap,
        action_count: int,
        ridge: float,
    ) -> _Regressions:
        order = np.argsort(rows.actions, kind="stable")
        counts = np.bincount(rows.actions, minlength=action_count)
        edges = np.concatenate([[0], np.cumsum(counts)])
        now, ordered = _in_single_precision(features, rows.states[order]), shares[order]
        factors = tuple(
            _factor(now[begin:end].astype(np.float64), ordered[begin:end], ridge)
            for begin, end in pairwise(edges)
        )
        return cls(order, edges, now, ordered, factors)

    def solve(self, targets: Float32Array) -> tuple[Float64Array, float]:
        """Weights of each action ``(action_count, width)``, and the level."""
        level = float(self.shares @ targets)
        residuals = ((targets - level) * self.shares).astype(np.float32)
        weights = np.zeros((len(self.factors), self.now.shape[1]))
        for action, factor in enumerate(self.factors):
            if factor is not None:
                mine = slice(self.edges[action], self.edges[action + 1])
                moments = (self.now[mine].T @ residuals[mine]).astype(np.float64)
                weights[action] = scipy.linalg.cho_solve(factor, moments, check_finite=False)
        return weights, level

    def left_out_error(self, targets: Float32Array, weights: Float64Array, level: float) -> float:
        """Mean squared error at each row of the regression without it, over the variance.

        In ridge regression the residual without a row is the residual over ``1 - h``, where ``h``
        is what the row weighs in its own fit.
        """
        deviations = targets.astype(np.float64) - level  # whose squares may exceed single precision
        squares = 0.0
        for action, factor in enumerate(self.factors):
            if factor is None:
                continue
            mine = slice(self.edges[action], self.edges[action + 1])
            fitted, own = _fitted_and_own(self.now[mine], weights[action], factor)
            residuals, shares = deviations[mine] - fitted, self.shares[mine]
            squares += float(shares @ (residuals / np.maximum(1 - shares * own, 1e-6)) ** 2)
        variance = float(self.shares @ deviations**2)
        return squares / variance if variance > 0 else 1.0


def _blocks(count: int) -> Iterator[slice]:
    return (slice(begin, begin + BLOCK) for begin in range(0, count, BLOCK))


def _in_single_precision(features: FeatureMap, states: Float64Array) -> Float32Array:
    found = np.empty((len(states), features.width), dtype=np.float32)
    for part in _blocks(len(states)):
        found[part] = features(states[part])
    return found


def _fitted_and_own(
    rows: Float32Array, weights: Float64Array, factor: tuple[Float64Array, bool]
) -> tuple[Float64Array, Float64Array]:
    """What weights give at each row, and what a unit of its weight weighs in its own fit."""
    fitted, own = np.empty(len(rows)), np.empty(len(rows))
    for part in _blocks(len(rows)):
        block = rows[part].astype(np.float64)
        inverse = scipy.linalg.cho_solve(factor, block.T, check_finite=False)
        fitted[part] = block @ weights
        own[part] = np.einsum("nw,wn->n", block, inverse)
    return fitted, own


def _factor(
    rows: Float64Array, shares: Float64Array, ridge: float
) -> tuple[Float64Array, bool] | None:
    if not len(rows):
        return None
    penalty = ridge * shares.sum() * np.eye(rows.shape[1])
    factor: tuple[Float64Array, bool] = scipy.linalg.cho_factor((rows.T * shares) @ rows + penalty)
    return factor
