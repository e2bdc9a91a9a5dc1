"""Transitions in memory as a dataset that is read in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from harness.core.transitions import Transitions

Made = TypeVar("Made")


@dataclass(frozen=True)
class Split:
    """Parts of transitions, each of one or more chunks."""

    data: Transitions
    edges: Sequence[int] = ()  # at which parts begin
    chunk: int = 1 << 20  # maximum rows of a chunk

    @property
    def row_count(self) -> int:
        return len(self.data)

    @property
    def count(self) -> int:
        return len(self._rows())

    def map(self, work: Callable[..., Made], *values: Sequence[Any]) -> Iterator[Made]:
        for rows, *own in zip(self._rows(), *values, strict=True):
            chunks = (
                self.data.take(rows[begin : begin + self.chunk])
                for begin in range(0, len(rows), self.chunk)
            )
            yield work(chunks, *own)

    def _rows(self) -> list[Any]:
        parts = np.split(np.arange(len(self.data)), sorted(set(self.edges)))
        return [rows for rows in parts if len(rows)]
