"""From a dataset's id to a reduction on disk, for control and for regression."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from envs.loading import open_dataset
from envs.regression.datasets import is_tabular, open_tabular
from envs.streaming import open_stored
from harness.api import reduce_regression_seeded, reduce_seeded
from harness.core.errors import InputError
from harness.core.reduction import Reducer, Reduction, check_size
from harness.core.regression_set import RegressionReduction
from harness.core.specs import CodebookSpec
from harness.distillation.exact import ExactDistiller
from harness.execution.local import ProcessExecutor
from harness.numerics.standardising import Units
from harness.tasks.builtin import make_reducer, make_regression_reducer
from harness.tasks.saving import (
    save_as_minari,
    save_reduction,
    save_regression_reduction,
    save_streamed_reduction,
)
from harness.tasks.streaming import distill_exact_dataset

Workers = tuple[Executor, int]  # and how many they are


def distill_file(
    dataset_id: str,
    destination: str,
    method: str,
    size: int,
    seed: int,
    discount: float,
    parameters: Mapping[str, Any],
    codebook: CodebookSpec | None = None,
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
        codebook: How continuous actions are numbered.

    Raises:
        InputError: If one of them cannot be used; nothing is written then.
    """
    to_minari = not destination.endswith(".npz")
    if to_minari:
        _check_minari_id(destination)
    else:
        _check_path(destination)
    reducer = _make_reducer(method, discount, parameters)
    dataset = open_dataset(dataset_id, codebook)
    reduction = reduce_seeded(dataset.transitions, reducer, size, seed)
    if to_minari:
        save_as_minari(reduction, destination, dataset, seed, discount)
    else:
        save_reduction(reduction, Path(destination), dataset, seed, discount)
    rows = len(reduction.transitions)
    return _report(reduction, destination, rows, f"{len(dataset.transitions)} transitions")


def distill_streamed_file(
    dataset_id: str,
    destination: str,
    method: str,
    size: int,
    seed: int,
    discount: float,
    parameters: Mapping[str, Any],
    workers: Callable[[], AbstractContextManager[Workers]],
) -> str:
    """Distil a Minari dataset that is never held whole, and write an ``.npz``.

    Its points are as exact as those of `distill_file` and lie near other rows of the source. They
    do not depend on the workers, which must all see the folder of Minari datasets.

    Args:
        dataset_id: A Minari id.
        destination: The path of an ``.npz``.
        method: ``exact``, the only one that needs no more than sums over the rows.
        size: Points to make.
        seed: Fixes whatever is random in the method.
        discount: γ of the Bellman loss.
        parameters: The method's own.
        workers: Brings up the workers, once all else is known to be sound.

    Raises:
        InputError: If one of them cannot be used; nothing is written then.
    """
    _check_path(destination)
    reducer = _make_reducer(method, discount, parameters)
    if not isinstance(reducer, ExactDistiller):
        raise InputError(
            f"method {method!r}: only 'exact' streams a dataset, for it needs no more than sums "
            "over the rows; choose it or leave out --stream"
        )
    if is_tabular(dataset_id) or dataset_id.endswith((".npz", ".hdf5", ".h5")):
        raise InputError(
            f"dataset {dataset_id!r}: only Minari datasets are streamed, episode by episode; "
            "leave out --stream"
        )
    stored = open_stored(dataset_id)
    if stored.action_count is None:
        raise InputError(
            f"dataset {dataset_id!r} has continuous actions, and a codebook needs them all at "
            "once: give --codebook and leave out --stream"
        )
    check_size(size, stored.row_count)
    with workers() as (executor, count):
        reduction = distill_exact_dataset(
            reducer, dataset_id, size, seed, executor, in_flight=2 * count
        )
    save_streamed_reduction(
        reduction, Path(destination), dataset_id, stored.reference, seed, discount
    )
    rows = len(reduction.transitions)
    return _report(reduction, destination, rows, f"{stored.row_count} transitions")


@contextmanager
def local_workers(jobs: int) -> Iterator[Workers]:
    """Bring up processes, and end them after use.

    Raises:
        InputError: If ``jobs`` is below one.
    """
    if jobs < 1:
        raise InputError(f"jobs {jobs}: at least one process is needed; give 1 or more")
    with ProcessExecutor(jobs) as executor:
        yield executor, jobs


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


def _make_reducer(method: str, discount: float, parameters: Mapping[str, Any]) -> Reducer:
    if not 0 <= discount < 1 or "discount" in parameters:
        raise InputError(
            f"discount {parameters.get('discount', discount)}: it must lie in [0, 1) and be given "
            "as --discount; correct it"
        )
    return make_reducer(method, discount, parameters)


def _check_path(destination: str) -> None:
    path = Path(destination)
    if path.suffix != ".npz" or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(
            f"output {destination!r}: it must end in .npz and lie in an existing, writable folder"
        )


def _check_minari_id(destination: str) -> None:
    from envs.formats.minari.output import (
        check_new_id,  # imports minari, which an .npz does not need
    )

    check_new_id(destination)


def _report(
    reduction: Reduction | RegressionReduction, destination: str, rows: int, source: str
) -> str:
    kind = "synthetic" if reduction.source_indices is None else "kept"
    return (
        f"{destination}: {rows} {kind} of {source} by {reduction.method} "
        f"in {reduction.seconds:.2f} s"
    )
