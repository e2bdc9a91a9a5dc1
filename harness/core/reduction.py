"""Reductions, and the base class of reducers with its contract."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.regression_set import RegressionSet
from harness.core.seeding import stream
from harness.core.transitions import Transitions

Diagnostics = Mapping[str, Any]  # numbers, and lists of numbers


@runtime_checkable
class Rows(Protocol):
    """The common interface of transitions and regression sets: weighted rows."""

    noun: ClassVar[str]  # name of the rows in messages

    def __len__(self) -> int: ...

    def __hash__(self) -> int: ...  # by identity

    @property
    def weights(self) -> FloatArray:
        """Relative weights, ``(N,)``."""
        ...

    @property
    def shares(self) -> Float64Array:
        """Normalised weights ``(N,)`` as float64."""
        ...

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        ...

    def take(self, rows: IntArray, weights: FloatArray | None = None) -> Self:
        """Select rows, with their own weights unless others are given."""
        ...

    def content_hash(self) -> str:
        """SHA-256 of the arrays."""
        ...


RowsT = TypeVar("RowsT", bound=Rows)


@dataclass(frozen=True, eq=False)
class Reduction(Generic[RowsT]):
    """A small weighted set that replaces a large dataset, and how it was made."""

    rows: RowsT  # M rows
    source_indices: IntArray | None  # (M,) rows of the source; None if synthetic
    method: str
    parameters: Mapping[str, Any]
    seconds: float  # wall time of the reduction
    diagnostics: Diagnostics = field(default_factory=dict)

    @property
    def transitions(self: Reduction[Transitions]) -> Transitions:
        """The rows of a reduction of transitions."""
        return self.rows

    @property
    def features(self: Reduction[RegressionSet]) -> FloatArray:
        """Features of a reduction of a regression set, ``(M, d)``."""
        return self.rows.features

    @property
    def targets(self: Reduction[RegressionSet]) -> FloatArray:
        """Targets of a reduction of a regression set, ``(M,)``."""
        return self.rows.targets

    @property
    def weights(self) -> FloatArray:
        """Relative weights of the rows, ``(M,)``."""
        return self.rows.weights


class Reducer(BaseModel, ABC, Generic[RowsT]):
    """A method that reduces a dataset to few rows; its fields are its parameters.

    A reducer of transitions subclasses ``Reducer[Transitions]``, one of regression sets
    ``Reducer[RegressionSet]``, one of either ``Reducer[RowsT]``, and implements `_reduce`. It has
    access neither to the environment nor to the test split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    cache_version: ClassVar[int] = 1  # increase it when the same parameters give other rows
    sizes: ClassVar[Literal["exact", "at most", "all rows"]] = "exact"  # how size limits the result
    deterministic: ClassVar[bool] = False  # whether the seed has no effect

    @classmethod
    def row_type(cls) -> type[Rows] | None:
        """Return the type of the rows that it reduces; None if any."""
        return row_type(cls, Reducer)

    def check_usable(self, rows: RowsT) -> None:
        """Check requirements beyond rows, such as episodes or a library; by default there are none.

        Raises:
            InputError: If one is missing.
        """

    def reduce(self, rows: RowsT, size: int, rng: np.random.Generator) -> Reduction[RowsT]:
        """Reduce a dataset to ``size`` rows, and measure the time.

        Raises:
            InputError: If ``size`` is not in ``1..len(rows)``, or the method breaks its contract.
        """
        check_size(size, len(rows), rows.noun)
        started = time.perf_counter()
        found = self._reduce(rows, size, rng)
        seconds = time.perf_counter() - started
        _check_found(self, found, rows, size)
        reduced, source_indices, diagnostics = found
        return Reduction(
            rows=reduced,
            source_indices=source_indices,
            method=self.name,
            parameters=self.model_dump(mode="json"),
            seconds=seconds,
            diagnostics=diagnostics,
        )

    @abstractmethod
    def _reduce(
        self, rows: RowsT, size: int, rng: np.random.Generator
    ) -> tuple[RowsT, IntArray | None, Diagnostics]:
        """Return the reduced rows, the source row of each (None if synthetic) and diagnostics."""


def reduce_seeded(rows: RowsT, reducer: Reducer[RowsT], size: int, seed: int) -> Reduction[RowsT]:
    """Reduce with the random stream derived from method, size and seed.

    Parameters are not part of the stream's identity: variants of a method start from the same
    random choices, so that comparisons are paired.
    """
    return reducer.reduce(rows, size, stream("reduction", reducer.name, size, seed))


def check_size(size: int, available: int, noun: str) -> None:
    """Check that a size does not exceed the dataset.

    Args:
        size: Requested number of rows.
        available: Number of rows of the dataset.
        noun: Name of the rows in the message.

    Raises:
        InputError: If ``size`` is not in ``1..available``.
    """
    if not 1 <= size <= available:
        raise InputError(
            f"size {size}: it must lie between 1 and the dataset's {available} {noun}; "
            "choose another size or a larger dataset"
        )


def row_type(cls: type[BaseModel], base: type[BaseModel]) -> type[Rows] | None:
    """Return the type argument of a generic base, ``Transitions`` in ``Reducer[Transitions]``.

    Returns:
        None if the class leaves it open.
    """
    for parent in cls.__mro__:
        metadata = getattr(parent, "__pydantic_generic_metadata__", {})
        arguments = metadata.get("args") or ()
        if metadata.get("origin") is base and arguments and isinstance(arguments[0], type):
            return arguments[0]
    return None


def _check_found(reducer: Reducer[Any], found: Any, rows: Rows, size: int) -> None:
    """Check that what `_reduce` returned keeps to its contract.

    Raises:
        InputError: If not; it names the reducer, what it returned, and the rule.
    """
    rule = f"_reduce returns ({type(rows).__name__}, source rows or None, diagnostics)"
    if not (isinstance(found, tuple) and len(found) == 3 and isinstance(found[0], type(rows))):
        raise _broken(reducer, f"_reduce returned {_shape(found)}", rule)
    reduced, source_indices, diagnostics = found
    wanted = {"exact": (size, size), "at most": (1, size), "all rows": (len(rows), len(rows))}
    low, high = wanted[reducer.sizes]
    if not low <= len(reduced) <= high:
        raise _broken(reducer, f"{len(reduced)} rows for size {size}", f"sizes = {reducer.sizes!r}")
    if source_indices is not None and not _are_rows(source_indices, len(reduced), len(rows)):
        raise _broken(
            reducer,
            f"source rows {_shape(source_indices)} for {len(reduced)} rows",
            f"one integer of 0..{len(rows) - 1} for each row",
        )
    if not isinstance(diagnostics, Mapping):
        raise _broken(
            reducer, f"diagnostics {_shape(diagnostics)}", "a mapping of names to numbers"
        )


def _are_rows(indices: Any, count: int, available: int) -> bool:
    array = np.asarray(indices)
    fits = array.shape == (count,) and array.dtype.kind in "iu"
    return fits and array.min() >= 0 and array.max() < available


def _shape(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(type(part).__name__ for part in value)})"
    return type(value).__name__


def _broken(reducer: Reducer[Any], found: str, rule: str) -> InputError:
    kind = type(reducer)
    return InputError(
        f"method {reducer.name!r} ({kind.__module__}:{kind.__qualname__}) breaks its contract: "
        f"{found}, and the rule is {rule}; correct the class, with harness.testing.ReducerContract"
    )
