"""Reductions, and the base class of reducers with its contract."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from harness.core.arrays import FloatArray, IntArray
from harness.core.computing.threads import one_thread
from harness.core.errors import InputError, is_own
from harness.core.regression_set import RegressionSet
from harness.core.rows import Rows, RowsT, private_copy, row_shape, row_type
from harness.core.seeding import stream
from harness.core.transitions import Transitions

Diagnostics = Mapping[str, Any]  # numbers, and lists of numbers


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
    takes_continuous: ClassVar[bool] = False  # whether it reduces rows with continuous actions

    @classmethod
    def row_type(cls) -> type[Rows] | None:
        """Return the type of the rows that it reduces; None if any."""
        return row_type(cls, Reducer)

    @property
    def title(self) -> str:
        """What its reductions are said to be made by."""
        return self.name

    @property
    def stream_name(self) -> str:
        """What random streams are named by: reducers that share it start from the same choices."""
        return self.name

    def parts(self) -> tuple[BaseModel, ...]:
        """Return the objects whose classes decide what is made: itself, and what it is made of."""
        return (self,)

    def row_bounds(self, rows: RowsT, size: int) -> tuple[int, int]:
        """Return the fewest and the most rows that a reduction may have."""
        every = len(rows)
        return {"exact": (size, size), "at most": (1, size), "all rows": (every, every)}[self.sizes]

    def check_actions(self, rows: RowsT) -> None:
        """Refuse continuous actions, unless the method takes them.

        Raises:
            InputError: If it does not.
        """
        if isinstance(rows, Transitions) and not self.takes_continuous:
            rows.check_numbered(f"method {self.name!r}")

    def check_usable(self, rows: RowsT) -> None:
        """Check requirements beyond rows, such as episodes or a library; by default there are none.

        Raises:
            InputError: If one is missing.
        """

    def reduce(self, rows: RowsT, size: int, rng: np.random.Generator) -> Reduction[RowsT]:
        """Reduce a dataset to ``size`` rows, and measure the time.

        Libraries have one thread meanwhile: more would change last digits, and slow down the many
        small factorisations.

        Raises:
            InputError: If ``size`` is not in ``1..len(rows)``, the method does not take the rows'
                actions, or it breaks its contract.
        """
        self.check_actions(rows)
        check_size(size, len(rows), rows.noun)
        given = private_copy(rows, type(self))
        with one_thread(), _naming(self):
            started = time.perf_counter()
            found = self._reduce(given, size, rng)
            seconds = time.perf_counter() - started
        _check_found(self, found, rows, size)
        reduced, source_indices, diagnostics = found
        return Reduction(
            rows=_with_codes_of(rows, reduced),
            source_indices=source_indices,
            method=self.title,
            parameters=self.model_dump(mode="json"),
            seconds=seconds,
            diagnostics={name: _plain(value) for name, value in diagnostics.items()},
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
    return reducer.reduce(rows, size, reduction_stream(reducer, size, seed))


def check_usable(reducer: Reducer[RowsT], rows: RowsT) -> None:
    """Let a reducer check what it needs; a user's class looks at a copy of the rows.

    Raises:
        InputError: If something is missing.
    """
    reducer.check_usable(private_copy(rows, type(reducer)))


def reduction_stream(reducer: Reducer[Any], size: int, seed: int) -> np.random.Generator:
    """Return the random stream of a reduction; see `reduce_seeded`."""
    return stream("reduction", reducer.stream_name, size, seed)


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


def _check_found(reducer: Reducer[RowsT], found: Any, rows: RowsT, size: int) -> None:
    """Check that what `_reduce` returned keeps to its contract.

    Raises:
        InputError: If not; it names the reducer, what it returned, and the rule.
    """
    rule = f"_reduce returns ({type(rows).__name__}, source rows or None, diagnostics)"
    if not (isinstance(found, tuple) and len(found) == 3 and isinstance(found[0], type(rows))):
        raise _broken(reducer, f"_reduce returned {_shape(found)}", rule)
    reduced, source_indices, diagnostics = found
    low, high = reducer.row_bounds(rows, size)
    if not low <= len(reduced) <= high:
        raise _broken(reducer, f"{len(reduced)} rows for size {size}", f"sizes = {reducer.sizes!r}")
    if source_indices is not None and not _are_rows(source_indices, len(reduced), len(rows)):
        raise _broken(
            reducer,
            f"source rows {_shape(source_indices)} for {len(reduced)} rows",
            f"one integer of 0..{len(rows) - 1} for each row",
        )
    if row_shape(reduced) != row_shape(rows):
        raise _broken(
            reducer,
            f"rows of {row_shape(reduced)} columns and actions",
            f"{row_shape(rows)}, those of the source",
        )
    _check_diagnostics(reducer, diagnostics)
    if source_indices is not None and not is_own(type(reducer)):
        _check_kept(reducer, reduced, rows.take(np.asarray(source_indices)))


def _check_diagnostics(reducer: Reducer[Any], diagnostics: Any) -> None:
    rule = "a mapping of names to finite numbers, or lists of them"
    if not isinstance(diagnostics, Mapping):
        raise _broken(reducer, f"diagnostics {_shape(diagnostics)}", rule)
    for name, value in diagnostics.items():
        try:
            finite = bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())
        except (TypeError, ValueError):
            finite = False
        if not (isinstance(name, str) and finite and np.ndim(value) < 2):
            raise _broken(reducer, f"the diagnostic {name!r} = {value!r:.60}", rule)


def _check_kept(reducer: Reducer[Any], reduced: Any, named: Any) -> None:
    """Look whether rows are those of the source that they are said to be."""
    for field_ in fields(reduced):
        ours, theirs = getattr(reduced, field_.name), getattr(named, field_.name)
        if field_.name in ("weights", "episodes") or not isinstance(ours, np.ndarray):
            continue
        if not np.array_equal(ours, theirs):
            raise _broken(
                reducer,
                f"{field_.name} that are not those of the source rows it names",
                "the source row of each, or None for rows that are made or changed",
            )


def _with_codes_of(source: Any, reduced: RowsT) -> RowsT:
    """Let rows that a method has made anew know what their actions' numbers stand for."""
    if not isinstance(reduced, Transitions) or source.codes is None:
        return reduced
    return replace(reduced, codes=source.codes)


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers and arrays into Python's."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


@contextmanager
def _naming(reducer: Reducer[Any]) -> Iterator[None]:
    """Say of an error in rows which class of the user's has made them."""
    try:
        yield
    except InputError as error:
        if is_own(type(reducer)):
            raise
        raise InputError(f"method {reducer.name!r}: {error}") from error


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
