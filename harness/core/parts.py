"""Datasets that are read in parts by workers, and reducers that need no more than that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from harness.core.arrays import IntArray
from harness.core.computing.threads import one_thread
from harness.core.errors import InputError
from harness.core.reduction import (
    Diagnostics,
    Reducer,
    Reduction,
    check_size,
    reduction_stream,
)
from harness.core.transitions import ARRAY_NAMES, Transitions

Made = TypeVar("Made")


class Parts(Protocol):
    """A dataset of transitions in parts of consecutive rows, each read by a worker in chunks."""

    @property
    def row_count(self) -> int:
        """Number of rows of all parts."""
        ...

    @property
    def count(self) -> int:
        """Number of parts."""
        ...

    def map(self, work: Callable[..., Made], *values: Sequence[Any]) -> Iterator[Made]:
        """Yield ``work(chunks, …)`` of each part, in order.

        Args:
            work: A function that can be pickled; it reads the chunks of its part once.
            values: Its further arguments: of each, a value for every part.
        """
        ...


@runtime_checkable
class ReducesParts(Protocol):
    """What a reducer of transitions has that needs no more than parts of a dataset in memory."""

    def reduce_parts(
        self, parts: Parts, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Return reduced rows, the source row of each (None if synthetic) and diagnostics."""
        ...


def reduce_in_parts(
    reducer: Reducer[Transitions], parts: Parts, size: int, seed: int
) -> Reduction[Transitions]:
    """Reduce a dataset of which only parts are in memory, and measure the time.

    The random stream is that of `reduce_seeded`.

    Raises:
        InputError: If the method needs whole datasets, ``size`` is not between 1 and the number of
            rows, or rows cannot be used.
    """
    started = time.perf_counter()
    streaming = check_streams(reducer)
    check_size(size, parts.row_count, Transitions.noun)
    with one_thread():
        reduced, source_indices, diagnostics = streaming.reduce_parts(
            parts, size, reduction_stream(reducer, size, seed)
        )
    return Reduction(
        rows=reduced,
        source_indices=source_indices,
        method=reducer.title,
        parameters=reducer.model_dump(mode="json"),
        seconds=time.perf_counter() - started,
        diagnostics=diagnostics,
    )


def check_streams(reducer: Reducer[Transitions]) -> ReducesParts:
    """Return a reducer as one that needs only parts of a dataset.

    Raises:
        InputError: If it needs all rows at once.
    """
    if not isinstance(reducer, ReducesParts):
        raise InputError(
            f"method {reducer.name!r} cannot stream: it needs all rows at once; choose exact, "
            "random, stratified or leverage, or leave out --stream"
        )
    return reducer


def take_in_parts(parts: Parts, rows: IntArray) -> Transitions:
    """Read rows of a dataset, given by ascending numbers.

    The rows of each part are counted first.
    """
    ends = np.cumsum(list(parts.map(_count)))
    owned = np.split(rows, np.searchsorted(rows, ends[:-1]))
    begins = [0, *ends[:-1].tolist()]
    local = [mine - begin for mine, begin in zip(owned, begins, strict=True)]
    return join(parts.map(take_local, local))


def take_local(chunks: Iterable[Transitions], rows: IntArray) -> Transitions | None:
    """Take rows of a part, given by ascending numbers within it; None if there are none."""
    taken, begin = [], 0
    for chunk in chunks:
        end = begin + len(chunk)
        mine = rows[(rows >= begin) & (rows < end)]
        if len(mine):
            taken.append(chunk.take(mine - begin))
        begin = end
    return join(taken) if taken else None


def join(parts: Iterable[Transitions | None]) -> Transitions:
    """Concatenate the rows of parts, of which at least one has any."""
    there = [part for part in parts if part is not None]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in there]) for name in ARRAY_NAMES
    }
    return replace(there[0], **arrays, episodes=None)


def merge_in_pairs(parts: Iterable[Made], merge: Callable[[Made, Made], Made]) -> Made:
    """Sum parts in a binary tree, with one partial sum in memory per doubling of their number.

    The tree depends only on the order of the parts: rounding errors grow with its depth, not with
    the number of parts.

    Args:
        parts: At least one.
        merge: An associative sum, up to rounding.
    """
    sums: list[tuple[int, Made]] = []  # number of leaves of each subtree, decreasing, and its sum
    for part in parts:
        leaves = 1
        while sums and sums[-1][0] == leaves:
            part, leaves = merge(sums.pop()[1], part), 2 * leaves
        sums.append((leaves, part))
    _, total = sums.pop()
    while sums:
        total = merge(sums.pop()[1], total)
    return total


def _count(chunks: Iterable[Transitions]) -> int:
    return sum(map(len, chunks))
