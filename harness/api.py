"""Functions to distil datasets from Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.core.classes.registry import Registry, reference_to
from harness.core.classes.specs import LabelsSpec, read_labels
from harness.core.errors import InputError
from harness.core.reduction import Reducer, Reduction, reduce_seeded
from harness.core.regression_set import RegressionSet
from harness.core.rows import RowsT
from harness.core.transitions import Transitions
from harness.labels.base import Labels
from harness.tasks.builtin import REDUCERS, REGRESSION_REDUCERS
from harness.tasks.teaching.labelling import label_by


def distill(
    transitions: Transitions,
    method: str | Reducer[Transitions] = "bellman",
    size: int = 100,
    seed: int = 0,
    discount: float = 0.99,
    labels: str | Mapping[str, Any] | Labels | LabelsSpec = "recorded",
    **parameters: Any,
) -> Reduction[Transitions]:
    """Reduce transitions by a distillation or baseline method.

    The result is equal to that of a suite's run with the same dataset, method, size and seed.

    Args:
        transitions: The full dataset.
        method: A name that `bellman-bench list` shows, ``module:Class``, or a reducer object.
        size: Number of rows to select or synthesise.
        seed: Fixes all randomness of the method.
        discount: γ of the Bellman loss and of labels; an object has its own for its loss.
        labels: A name that `bellman-bench list` shows, ``module:Class``, an object, or the
            values of a `LabelsSpec`, ``{"name": "advantage", "parameters": {"actions": "all"}}``.
        parameters: Parameters of the method; an object has its own.

    Raises:
        InputError: If the method, the labels, a parameter or the size cannot be used, or the data
            hold no signal that labels could tell.
    """
    reducer = _reducer(REDUCERS, method, parameters, discount)
    spec = read_labels(labels)
    if spec is not None:
        name = method if isinstance(method, str) else reference_to(type(method))
        reducer = label_by(reducer, name, spec, discount)
    return reduce_seeded(transitions, reducer, size, seed)


def distill_regression(
    features: FloatArray,
    targets: FloatArray,
    method: str | Reducer[RegressionSet] = "loss-matching",
    size: int = 50,
    seed: int = 0,
    **parameters: Any,
) -> Reduction[RegressionSet]:
    """Reduce a regression set by a distillation or baseline method.

    Args:
        features: Shape ``(n, d)``.
        targets: Shape ``(n,)``.
        method: A name that `bellman-bench list` shows for regression, ``module:Class``, or a
            reducer object.
        size: Number of rows to select or synthesise.
        seed: Fixes all randomness of the method.
        parameters: Parameters of the method; an object has its own.

    Returns:
        A reduction with ``features (size, d)``, ``targets (size,)`` and ``weights (size,)``.

    Raises:
        InputError: If the data, the method, a parameter or the size cannot be used.
    """
    data = RegressionSet(features, targets, np.ones(len(targets)))
    reducer = _reducer(REGRESSION_REDUCERS, method, parameters, None)
    return reduce_seeded(data, reducer, size, seed)


def _reducer(
    registry: Registry[Any],
    method: str | Reducer[RowsT],
    parameters: dict[str, Any],
    discount: float | None,
) -> Reducer[RowsT]:
    if isinstance(method, str):
        made: Reducer[RowsT] = registry.make(method, parameters, discount=discount)
        return made
    if isinstance(method, type):
        raise InputError(f"method {method.__name__}: give an object of it, {method.__name__}()")
    registry.check(type(method))
    if parameters:
        raise InputError(
            f"parameters {', '.join(parameters)} given with the object {method!r}, which has its "
            "own; set them at its construction"
        )
    return method
