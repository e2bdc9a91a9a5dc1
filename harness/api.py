"""Distillation from Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.core.reduction import Reducer, Reduction
from harness.core.regression_set import RegressionReducer, RegressionReduction, RegressionSet
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.tasks.builtin import make_reducer, make_regression_reducer


def distill(
    transitions: Transitions,
    method: str = "bellman",
    size: int = 100,
    seed: int = 0,
    discount: float = 0.99,
    **parameters: Any,
) -> Reduction:
    """Reduce transitions by any named distiller or reducer.

    The result is the one that a suite's run of the same dataset, method, size and seed trains on.

    Args:
        transitions: The full data.
        method: A name that `bellman-bench list` shows.
        size: Rows to keep or make.
        seed: Fixes whatever is random in the method.
        discount: γ of the Bellman loss.
        parameters: The method's own.

    Raises:
        InputError: If the method, a parameter or the size cannot be used.
    """
    return reduce_seeded(transitions, make_reducer(method, discount, parameters), size, seed)


def reduce_seeded(transitions: Transitions, reducer: Reducer, size: int, seed: int) -> Reduction:
    """Reduce with the random stream of method, size and seed.

    Parameters are not part of the stream's identity: variants of a method start from the same
    random choices and are compared in pairs.
    """
    return reducer.reduce(transitions, size, stream("reduction", reducer.name, size, seed))


def distill_regression(
    features: FloatArray,
    targets: FloatArray,
    method: str = "loss-matching",
    size: int = 50,
    seed: int = 0,
    **parameters: Any,
) -> RegressionReduction:
    """Reduce a regression set by any named distiller or reducer.

    Args:
        features: Shape ``(n, d)``.
        targets: Shape ``(n,)``.
        method: A name that `bellman-bench list` shows for regression.
        size: Rows to keep or make.
        seed: Fixes whatever is random in the method.
        parameters: The method's own.

    Returns:
        A reduction with ``features (size, d)``, ``targets (size,)`` and ``weights (size,)``.

    Raises:
        InputError: If the data, the method, a parameter or the size cannot be used.
    """
    data = RegressionSet(features, targets, np.ones(len(targets)))
    reducer = make_regression_reducer(method, parameters)
    return reduce_regression_seeded(data, reducer, size, seed)


def reduce_regression_seeded(
    data: RegressionSet, reducer: RegressionReducer, size: int, seed: int
) -> RegressionReduction:
    """Reduce with the random stream of method, size and seed; see `reduce_seeded`."""
    return reducer.reduce(data, size, stream("reduction", reducer.name, size, seed))
