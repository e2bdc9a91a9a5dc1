"""Reduce a dataset, given by its id, and write the result to disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from envs.loading import is_in_file, open_dataset
from envs.regression.datasets import is_tabular, open_tabular
from envs.streaming import fit_streamed_codebook, open_stored, stream_transitions
from harness.core.arrays import check_finite
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.classes.specs import LabelsSpec
from harness.core.errors import InputError, blaming, is_own, naming
from harness.core.parts import check_streams, reduce_in_parts
from harness.core.reduction import Reducer, Reduction, check_size, reduce_seeded
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions
from harness.execution.local import ProcessExecutor
from harness.numerics.standardising import Units
from harness.tasks.builtin import REDUCERS, REGRESSION_REDUCERS
from harness.tasks.saving import (
    save_as_minari,
    save_reduction,
    save_regression_reduction,
    save_streamed_reduction,
)
from harness.tasks.streaming import StoredParts
from harness.tasks.teachers.fitting import teachers_of
from harness.tasks.teaching.labelling import label_by
from harness.tasks.teaching.labelling_in_parts import LabelledInParts

if TYPE_CHECKING:
    from envs.formats.minari.store import StoredDataset

Workers = tuple[Executor, int]  # and the number of workers


@dataclass(frozen=True)
class Order:
    """A request to distil: method, size, parameters and destination."""

    dataset_id: str
    destination: str  # the path of an .npz, or a new Minari id
    method: str  # a reducer's name, or ``module:Class``
    size: int  # rows to keep or make
    seed: int  # fixes whatever is random in the method
    parameters: Mapping[str, Any]  # of the method
    discount: float = 0.99  # γ of the Bellman loss; regression has none
    codebook: CodebookSpec | None = None  # how continuous actions are discretised, if they are
    labels: LabelsSpec | None = None  # of the rows of transitions; None: as recorded
    reading: Reading = AS_STORED  # what is said of the dataset; regression has none


def distill_file(order: Order) -> str:
    """Reduce a dataset of transitions, write the result and return a one-line summary.

    Raises:
        InputError: If the request is invalid; nothing is written then.
    """
    destination, to_minari = order.destination, not order.destination.endswith(".npz")
    if to_minari:
        _check_minari_id(destination)
    else:
        _check_path(destination)
    reducer = _make_reducer(order)
    if order.labels is not None:
        reducer = label_by(reducer, order.method, order.labels, order.discount)
    dataset = open_dataset(order.dataset_id, order.codebook, order.reading)
    with naming(order.dataset_id):
        reducer.check_actions(dataset.transitions)
    with teachers_of(order.dataset_id), _blaming_users(reducer, order):
        reduction = reduce_seeded(dataset.transitions, reducer, order.size, order.seed)
    if to_minari:
        save_as_minari(reduction, destination, dataset, order.seed, order.discount)
    else:
        save_reduction(reduction, Path(destination), dataset, order.seed, order.discount)
    return _report(reduction, destination, f"{len(dataset.transitions)} transitions")


def distill_regression_file(order: Order) -> str:
    """Reduce a standardised regression dataset, and write the result in its original units.

    Raises:
        InputError: If the request is invalid; nothing is written then.
    """
    _check_path(order.destination)
    reducer = REGRESSION_REDUCERS.make(order.method, order.parameters)
    source = open_tabular(order.dataset_id)
    with naming(order.dataset_id):
        check_finite("features", source.features)
        check_finite("targets", source.targets)
    units = Units.of(source.features, source.targets)
    full = units.apply(source.features, source.targets, np.ones(len(source.targets)))
    with _blaming_users(reducer, order):
        reduction = reduce_seeded(full, reducer, order.size, order.seed)
    reduced = units.invert(reduction.rows)
    save_regression_reduction(reduction, reduced, Path(order.destination), source, order.seed)
    return _report(reduction, order.destination, f"{len(full)} rows")


def distill_streamed_file(
    order: Order, workers: Callable[[], AbstractContextManager[Workers]]
) -> str:
    """Distil a Minari dataset episode by episode, in bounded memory, and write an ``.npz``.

    The rows do not depend on the workers, all of which must have access to the folder of Minari
    datasets. Those of ``random`` and ``stratified`` are the rows of `distill_file`; the points of
    ``exact`` are as exact but close to other rows of the source, and ``leverage`` draws other rows
    by the same probabilities. A codebook differs from that of `distill_file` by rounding. Labels
    are those of a teacher that is fitted to a sample, see `LabelledInParts`.

    Args:
        order: With a method that needs only parts of a dataset at a time.
        workers: Starts the workers, after all checks.

    Raises:
        InputError: If the request is invalid; nothing is written then.
    """
    _check_path(order.destination)
    reducer = _make_reducer(order)
    check_streams(reducer)
    if order.labels is not None:
        reducer = label_by(reducer, order.method, order.labels, order.discount, LabelledInParts)
    stored = _open_streamable(order)
    _check_streamed_actions(reducer, order)
    check_size(order.size, stored.row_count, Transitions.noun)
    reference, codebook = stored.reference, None
    if order.codebook is not None:
        codebook = fit_streamed_codebook(order.dataset_id, order.codebook)
        reference = reference.model_copy(update={"codebook": codebook.to_json()})
    with (
        workers() as (executor, count),
        teachers_of(order.dataset_id),
        _blaming_users(reducer, order),
    ):
        parts = StoredParts(
            order.dataset_id, executor, codebook, reading=order.reading, in_flight=2 * count
        )
        reduction = reduce_in_parts(reducer, parts, order.size, order.seed)
    save_streamed_reduction(
        reduction, Path(order.destination), order.dataset_id, reference, order.seed, order.discount
    )
    line = _report(reduction, order.destination, f"{stored.row_count} transitions")
    if isinstance(reducer, LabelledInParts):
        line += f"; its teacher saw {min(reducer.teacher_rows, stored.row_count)} of them"
    return line


@contextmanager
def local_workers(jobs: int) -> Iterator[Workers]:
    """Start a pool of processes, and shut it down after use.

    Raises:
        InputError: If ``jobs`` is below one.
    """
    if jobs < 1:
        raise InputError(f"jobs {jobs}: at least one process is needed; give 1 or more")
    with ProcessExecutor(jobs) as executor:
        yield executor, jobs


def _open_streamable(order: Order) -> StoredDataset:
    dataset_id = order.dataset_id
    if is_tabular(dataset_id) or is_in_file(dataset_id):
        raise InputError(
            f"dataset {dataset_id!r}: only Minari datasets can be streamed, episode by episode; "
            "leave out --stream"
        )
    return open_stored(dataset_id, order.reading)


def _check_streamed_actions(reducer: Reducer[Transitions], order: Order) -> None:
    """Check the actions of the first episode, as those of all; a codebook numbers any.

    Raises:
        InputError: If the method, its labels or their teacher do not take them.
    """
    if order.codebook is None:
        first = next(stream_transitions(order.dataset_id, 0, 1, reading=order.reading))
        with naming(order.dataset_id):
            reducer.check_actions(first)


def _make_reducer(order: Order) -> Reducer[Transitions]:
    if not 0 <= order.discount < 1:
        raise InputError(f"discount {order.discount}: it must lie in [0, 1); choose such as 0.99")
    if "discount" in order.parameters:
        raise InputError(
            f"parameter discount = {order.parameters['discount']!r}: γ is given as --discount, so "
            "that the file records it; give it there"
        )
    made: Reducer[Transitions] = REDUCERS.make(
        order.method, order.parameters, discount=order.discount
    )
    return made


def _blaming_users(reducer: Reducer[Any], order: Order) -> AbstractContextManager[None]:
    """Turn an exception in a user's class into a one-line error."""
    if all(is_own(type(part)) for part in reducer.parts()):
        return nullcontext()
    rule = "a reducer must reduce any rows; correct the class, or add --debug for the traceback"
    return blaming(f"method {order.method!r} failed", rule)


def _check_path(destination: str) -> None:
    path = Path(destination)
    if path.suffix != ".npz" or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(
            f"output {destination!r}: it must end in .npz and lie in an existing, writable folder"
        )


def _check_minari_id(destination: str) -> None:
    from envs.formats.minari.output import check_new_id

    check_new_id(destination)


def _report(reduction: Reduction[Any], destination: str, source: str) -> str:
    kind = "synthetic" if reduction.source_indices is None else "kept"
    return (
        f"{destination}: {len(reduction.rows)} {kind} of {source} by {reduction.method} "
        f"in {reduction.seconds:.2f} s"
    )
