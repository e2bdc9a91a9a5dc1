"""From a dataset's id to a reduction on disk, for control and for regression."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs import open_dataset
from envs.tabular import open_tabular
from envs.units import Units
from harness.api import reduce_regression_seeded, reduce_seeded
from harness.errors import InputError
from harness.reduction import Reduction
from harness.registry import make_reducer, make_regression_reducer
from harness.regression import RegressionReduction
from harness.saved import save_as_minari, save_reduction, save_regression_reduction


def distill_file(
    dataset_id: str,
    destination: str,
    method: str,
    size: int,
    seed: int,
    discount: float,
    parameters: Mapping[str, Any],
) -> str:
    """Reduce a dataset of transitions, write the result and say so in one line.

    Args:
        dataset_id: What to reduce.
        destination: The path of an ``.npz``, or a new Minari id.
        method: A reducer's name.
        size: Rows to keep or make.
        seed: Fixes whatever is random in the method.
        discount: γ of the Bellman loss.
        parameters: The method's own.

    Raises:
        InputError: If one of them cannot be used; nothing is written then.
    """
    to_minari = not destination.endswith(".npz")
    if to_minari:
        _check_minari_id(destination)
    else:
        _check_path(destination)
    if not 0 <= discount < 1 or "discount" in parameters:
        raise InputError(
            f"discount {parameters.get('discount', discount)}: it must lie in [0, 1) and be given "
            "as --discount; correct it"
        )
    reducer = make_reducer(method, discount, parameters)
    dataset = open_dataset(dataset_id)
    reduction = reduce_seeded(dataset.transitions, reducer, size, seed)
    if to_minari:
        save_as_minari(reduction, destination, dataset, seed, discount)
    else:
        save_reduction(reduction, Path(destination), dataset, seed, discount)
    rows = len(reduction.transitions)
    return _report(reduction, destination, rows, f"{len(dataset.transitions)} transitions")


def distill_tabular_file(
    dataset_id: str,
    destination: str,
    method: str,
    size: int,
    seed: int,
    parameters: Mapping[str, Any],
) -> str:
    """Reduce a regression dataset, standardised, and write the result in its own units.

    Raises:
        InputError: If the dataset, the destination, the method, a parameter or the size cannot be
            used; nothing is written then.
    """
    _check_path(destination)
    reducer = make_regression_reducer(method, parameters)
    source = open_tabular(dataset_id)
    units = Units.of(source.features, source.targets)
    full = units.apply(source.features, source.targets, np.ones(len(source.targets)))
    reduction = reduce_regression_seeded(full, reducer, size, seed)
    reduced = units.invert(reduction.data)
    save_regression_reduction(reduction, reduced, Path(destination), source, seed)
    return _report(reduction, destination, len(reduction.data), f"{len(full)} rows")


def _check_path(destination: str) -> None:
    path = Path(destination)
    if path.suffix != ".npz" or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(
            f"output {destination!r}: it must end in .npz and lie in an existing, writable folder"
        )


def _check_minari_id(destination: str) -> None:
    from envs.minari_output import check_new_id  # imports minari, which an .npz does not need

    check_new_id(destination)


def _report(
    reduction: Reduction | RegressionReduction, destination: str, rows: int, source: str
) -> str:
    kind = "synthetic" if reduction.source_indices is None else "kept"
    return (
        f"{destination}: {rows} {kind} of {source} by {reduction.method} "
        f"in {reduction.seconds:.2f} s"
    )
