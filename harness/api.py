"""Functions to distil datasets, and to read results, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.core.classes.registry import Registry, reference_to
from harness.core.classes.specs import LabelsSpec, read_labels
from harness.core.errors import InputError
from harness.core.records import read_records
from harness.core.reduction import Reducer, Reduction, reduce_seeded
from harness.core.regression_set import RegressionSet
from harness.core.rows import RowsT
from harness.core.transitions import Transitions
from harness.execution.status import suite_name
from harness.labels.base import Labels
from harness.tasks.builtin import REDUCERS, REGRESSION_REDUCERS
from harness.tasks.teaching.labelling import label_by

if TYPE_CHECKING:
    import pandas as pd


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


def load_results(directory: Path | str) -> pd.DataFrame:
    """Read the records of a results folder, packed or a file each, as a row a run.

    Rows are ordered by dataset, learner, arm, size and seed, whatever order they were run in.

    Args:
        directory: A results folder of `run_suite` or `bellman-bench run`.

    Returns:
        A data frame with these columns; what a run does not have is missing.

        - ``suite``, ``run_id``; ``task``, "control" or "regression"; ``dataset``.
        - ``arm``, the label of the reducer, and ``method``, its name; ``labels``, "recorded" or the
          name of others, and the ``teacher`` that made those; ``control``, how the data were robbed
          of signal; ``size``, the rows asked for, missing where all are taken.
        - ``learner``, a label; ``engine``, what trained its networks; ``seed`` and ``replicate``;
          ``discount``; ``episodes`` of evaluation at a checkpoint.
        - ``status``, "completed" or "failed", and then the ``reason`` and ``failure``, the last
          line of the error. A failed run has nothing of what follows.
        - ``metric``, the name of what was measured, and ``headline``, its value: of "return" the
          mean return of the last three checkpoints. ``score`` is that return normalised to 0..1,
          (return − ``reference_min``) / (``reference_max`` − ``reference_min``), the returns of
          the random policy and the expert. ``last_return``, of the last checkpoint; its policy's
          ``regret`` and ``agreement`` by the certificate of use; ``steps``, the gradient steps or
          iterations of training.
        - ``rows`` and ``bytes`` of what was trained on; ``dataset_bytes`` and ``dataset_hash``, the
          SHA-256, of the full data; ``environment``, the id of where policies were evaluated.
        - ``seconds_reduction``, ``seconds_training``, ``seconds_evaluation`` of wall time. Runs
          that share a reduction repeat its seconds, and labelled arms and teachers that act
          themselves those of the teacher's fit.

    Raises:
        InputError: If there is no record, or one or the suite cannot be read.
    """
    from harness.analysis.results import results_frame  # pandas, which `distill` does without

    folder = Path(directory)
    return results_frame(read_records(folder), suite_name(folder))


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
