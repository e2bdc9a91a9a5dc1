"""Fitted Q-iteration in closed form: repeated ridge regression on Bellman targets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array, IntArray
from harness.numerics.features import FeatureMap, one_hot
from harness.numerics.predictors import Actions, LinearPredictors
from harness.numerics.standardising import StandardRows

RIDGE = 1e-4
ITERATIONS = 300  # from zero, values converge to within γ**300 of the fixed point

Regression = Callable[[Float64Array], Float64Array]  # targets (n,) -> coefficients (width,)


def fit_q(
    rows: StandardRows,
    shares: Float64Array,
    features: FeatureMap,
    action_count: int,
    actions: Actions,
    discount: float,
    ridge: float = RIDGE,
    iterations: int = ITERATIONS,
) -> LinearPredictors:
    """Run linear fitted Q-iteration from the zero Q-function.

    Args:
        rows: The dataset, ``N`` rows.
        shares: Their normalised weights, ``(N,)``.
        features: φ₁.
        action_count: Number of actions of the environment.
        actions: How one-hot actions enter.
        discount: γ.
        ridge: Penalty per unit of weight of a regression's rows.
        iterations: Number of applications of the fitted Bellman operator.

    Returns:
        One predictor, with reward scale one.
    """
    now, then = features(rows.states), features(rows.next_states)
    fit = _fit_product if actions == "product" else _fit_additive
    improve = fit(now, rows.actions, shares, action_count, ridge)
    alive = discount * ~rows.terminated
    weights, offsets = improve(rows.rewards)
    for _ in range(iterations - 1):
        best = (then @ weights.T + offsets).max(axis=1)
        weights, offsets = improve(rows.rewards + alive * best)
    return LinearPredictors(features, weights[None], offsets[None], np.ones(1))


def _fit_product(
    features: Float64Array, actions: IntArray, shares: Float64Array, action_count: int, ridge: float
) -> Callable[[Float64Array], tuple[Float64Array, Float64Array]]:
    """One regression per action."""
    members = [np.flatnonzero(actions == action) for action in range(action_count)]
    regressions = [_ridge(features[rows], shares[rows], ridge) for rows in members]

    def improve(targets: Float64Array) -> tuple[Float64Array, Float64Array]:
        fitted = [fit(targets[rows]) for fit, rows in zip(regressions, members, strict=True)]
        return np.stack(fitted), np.zeros(action_count)

    return improve


def _fit_additive(
    features: Float64Array, actions: IntArray, shares: Float64Array, action_count: int, ridge: float
) -> Callable[[Float64Array], tuple[Float64Array, Float64Array]]:
    """One regression on features and one-hot actions jointly."""
    width = features.shape[1]
    regression = _ridge(np.column_stack([features, one_hot(actions, action_count)]), shares, ridge)

    def improve(targets: Float64Array) -> tuple[Float64Array, Float64Array]:
        fitted = regression(targets)
        return fitted[None, :width], fitted[width:]

    return improve


def _ridge(design: Float64Array, shares: Float64Array, ridge: float) -> Regression:
    """Weighted ridge regression, factorised once; without rows coefficients are zero."""
    if not len(design):
        return lambda _: np.zeros(design.shape[1])
    weighted = design.T * shares
    penalty = ridge * shares.sum() * np.eye(design.shape[1])
    factor = scipy.linalg.cho_factor(weighted @ design + penalty)
    return lambda targets: scipy.linalg.cho_solve(factor, weighted @ targets)
