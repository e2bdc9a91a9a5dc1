"""Checks and casts of stored arrays; errors name file and array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import BoolArray, FloatArray, IntArray, as_float
from harness.core.classes.reading import SAY_CONTINUOUS, SAY_DISCRETE, ActionKind
from harness.core.errors import InputError, naming
from harness.core.presentation.text import share


def as_vectors(source: str, name: str, values: NDArray[Any]) -> FloatArray:
    """Return floats of at least one dimension.

    Raises:
        InputError: If they are not real numbers, or a single one.
    """
    if values.ndim == 0:
        raise InputError(
            f"{source!r}: {name} is a single value, but every row needs one; store an array"
        )
    with naming(source):
        return as_float(name, values)


def as_scalars(source: str, name: str, values: NDArray[Any]) -> FloatArray:
    """Return floats ``(N,)``, also from a single column; see `as_vectors`."""
    return _column(source, name, as_vectors(source, name, values))


def as_integers(source: str, name: str, values: NDArray[Any]) -> IntArray:
    """Return integers ``(N,)``.

    Raises:
        InputError: If they have another type or shape.
    """
    if values.dtype.kind not in "iu":
        raise InputError(
            f"{source!r}: {name} of type {values.dtype}: integers are needed; convert them"
        )
    return _column(source, name, values).astype(np.int64, copy=False)


def as_flags(source: str, name: str, values: NDArray[Any]) -> BoolArray:
    """Return flags ``(N,)`` from booleans, or from numbers that are 0 or 1.

    Raises:
        InputError: If a value is neither, or the shape is another.
    """
    array = _column(source, name, values)
    if array.dtype != np.bool_ and not (array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all()):
        raise InputError(
            f"{source!r}: {name} of type {array.dtype} are no flags: they must all be 0 or 1; "
            "convert them"
        )
    return array.astype(np.bool_, copy=False)


class Actions(NamedTuple):
    """Actions of one kind."""

    values: IntArray | FloatArray  # discrete (N,), or continuous (N, action_dim)
    width: int | None  # discrete actions, where each had a column of its own


def as_actions(
    source: str, values: NDArray[Any], said: ActionKind | None, notes: list[str]
) -> Actions:
    """Return discrete or continuous actions: as said, else as type and values suggest.

    Integers, booleans and rows with exactly one 1 are discrete, other real numbers continuous.
    Whole numbers stored as floats may be either, and must be said.

    Args:
        source: The file, for error messages.
        values: One action a row: numbers ``(N,)`` or ``(N, 1)``, or vectors ``(N, action_dim)``.
        said: What the user or the file says.
        notes: A note is added if rows with exactly one 1 are taken as discrete.

    Raises:
        InputError: If they are neither, or may be either.
    """
    if said == "continuous" or values.ndim == 0:
        vectors = as_vectors(source, "actions", values)  # refuses a single value
        return Actions(vectors[:, None] if vectors.ndim == 1 else vectors, None)
    if values.ndim > 1 and values.shape[1:] != (1,):
        return _many_columns(source, values, said, notes)
    column = _column(source, "actions", values)
    if column.dtype.kind in "iub":
        return Actions(column.astype(np.int64, copy=False), None)
    vector = as_vectors(source, "actions", column)
    whole = bool(vector.size and (vector == np.floor(vector)).all() and vector.min() >= 0)
    if said == "discrete":
        if not whole:
            raise InputError(
                f"{source!r}: actions of type {values.dtype} are said to be discrete, but not all "
                "are whole numbers 0, 1, …; leave --discrete out, or number them"
            )
        return Actions(vector.astype(np.int64), None)
    if whole:
        raise InputError(
            f"{source!r}: actions of type {values.dtype} hold whole numbers "
            f"{vector.min():g}..{vector.max():g} only, which may number actions or measure "
            f"something: say {SAY_DISCRETE} or {SAY_CONTINUOUS}"
        )
    return Actions(vector[:, None], None)


def _many_columns(
    source: str, values: NDArray[Any], said: ActionKind | None, notes: list[str]
) -> Actions:
    """Tell vectors from one-hot rows, and refuse several discrete actions at a time."""
    width = values.shape[1]
    if _are_one_hot(values):
        if said is None:
            notes.append(
                f"actions are rows of {width} numbers with exactly one 1: taken as the discrete "
                f"actions 0..{width - 1}, as vectors if you say {SAY_CONTINUOUS}"
            )
        return Actions(values.argmax(axis=1), width)
    if said is None and values.dtype.kind not in "iub":
        return Actions(as_vectors(source, "actions", values), None)
    raise InputError(
        f"{source!r}: actions of shape {values.shape} and type {values.dtype} are neither one "
        "number a row nor rows with exactly one 1: number the combinations in one column, as "
        f"numpy.ravel_multi_index does, or say {SAY_CONTINUOUS} to take them as vectors"
    )


def _are_one_hot(values: NDArray[Any]) -> bool:
    if values.ndim != 2 or values.dtype.kind not in "iubf":
        return False
    ones = values == 1
    return bool((ones.sum(axis=1) == 1).all() and (ones | (values == 0)).all())


def flag_notes(terminations: BoolArray, truncations: BoolArray | None) -> Iterator[str]:
    """Yield notes on what flags ``(N,)`` say together."""
    terminated = int(terminations.sum())
    if terminated in (0, len(terminations)):
        yield f"{'every' if terminated else 'no'} row is a termination"
    both = 0 if truncations is None else int((terminations & truncations).sum())
    if both:
        yield f"{both} rows both terminated and truncated: taken as terminated"


def contradictions(arrays: Mapping[str, NDArray[Any]], terminations: BoolArray) -> Iterator[str]:
    """Compare ``masks`` and ``discounts``, which are zero exactly where an episode terminated.

    Args:
        arrays: By name; those of another shape, or without numbers, are left alone.
        terminations: Of all rows, ``(N,)``.

    Yields:
        One line for each of them that says otherwise.
    """
    for name in ("masks", "discounts"):
        values = arrays.get(name, np.empty(0)).reshape(-1)
        if len(values) != len(terminations) or values.dtype.kind not in "biuf":
            continue
        wrong = np.flatnonzero((values > 0) == terminations)
        if len(wrong):
            yield (
                f"{name} contradict terminations at {share(len(wrong), len(values), 'rows')} (the "
                f"first is row {wrong[0]}, {'' if terminations[wrong[0]] else 'not '}terminated, "
                f"with {values[wrong[0]]:g}): correct the wrong one, for only terminations end "
                "bootstrapping"
            )


def _column(source: str, name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 1:
        raise InputError(
            f"{source!r}: {name} of shape {values.shape}: the rule is (N,), a value for each row; "
            "slice or flatten them"
        )
    return values
