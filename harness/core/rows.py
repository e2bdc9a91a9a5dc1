"""Sets of weighted rows, whatever they hold: transitions and regression sets alike."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast, runtime_checkable

import numpy as np
from pydantic import BaseModel

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import is_own
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


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


def row_shape(rows: Any) -> tuple[int, ...]:
    """Return what the rows of one dataset agree in: columns, and actions if there are any."""
    if isinstance(rows, Transitions):
        return rows.obs_dim, rows.action_count or rows.action_dim
    return (int(rows.features.shape[1]),) if isinstance(rows, RegressionSet) else ()


def evenly_spaced(count: int, most: int) -> IntArray:
    """Number ``min(count, most)`` of ``count`` rows, from the first to the last, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def private_copy(rows: RowsT, for_class: type) -> RowsT:
    """Copy rows for a class that does not come with the package: datasets are shared by all runs.

    Args:
        rows: Read-only, but no array of NumPy's is so for who wants to write.
        for_class: What they are given to; a class of the package gets the rows themselves.
    """
    if is_own(for_class):
        return rows
    values = {field_.name: getattr(rows, field_.name) for field_ in fields(cast(Any, rows))}
    arrays = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
    return cast(RowsT, replace(cast(Any, rows), **arrays))
