"""From a dataset's id to a reduction on disk, for control and for regression."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs import open_dataset
from envs.tabular import Units, open_tabular
from harness.api import reduce_regression_seeded, reduce_seeded
from harness.reduction import Reduction
from harness.registry import make_reducer, make_regression_reducer
from harness.regression import RegressionReduction
from harness.saved import save_reduction, save_regression_reduction


def distill_file(
    dataset_id: str,
    path: Path,
    method: str,
    size: int,
    seed: int,
    discount: float,
    parameters: Mapping[str, Any],
) -> str:
    """Reduce a dataset of transitions, write the result and say so in one line.

    Raises:
        InputError: If the dataset, the method, a parameter or the size cannot be used.
    """
    reducer = make_reducer(method, discount, parameters)
    dataset = open_dataset(dataset_id)
    reduction = reduce_seeded(dataset.transitions, reducer, size, seed)
    save_reduction(reduction, path, dataset, seed, discount)
    rows = len(reduction.transitions)
    return _report(reduction, path, rows, f"{len(dataset.transitions)} transitions")


def distill_tabular_file(
    dataset_id: str,
    path: Path,
    method: str,
    size: int,
    seed: int,
    parameters: Mapping[str, Any],
) -> str:
    """Reduce a regression dataset, standardised, and write the result in its own units.

    Raises:
        InputError: If the dataset, the method, a parameter or the size cannot be used.
    """
    reducer = make_regression_reducer(method, parameters)
    source = open_tabular(dataset_id)
    units = Units.of(source.features, source.targets)
    full = units.apply(source.features, source.targets, np.ones(len(source.targets)))
    reduction = reduce_regression_seeded(full, reducer, size, seed)
    save_regression_reduction(reduction, units.invert(reduction.data), path, source, seed)
    return _report(reduction, path, len(reduction.data), f"{len(full)} rows")


def _report(reduction: Reduction | RegressionReduction, path: Path, rows: int, source: str) -> str:
    kind = "synthetic" if reduction.source_indices is None else "kept"
    return f"{path}: {rows} {kind} of {source} by {reduction.method} in {reduction.seconds:.2f} s"
