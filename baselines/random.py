"""Uniform random subsampling: the paper's baseline."""

from __future__ import annotations

from typing import ClassVar, Generic

import numpy as np

from harness.core.arrays import IntArray
from harness.core.parts import Parts, take_in_parts
from harness.core.reduction import Diagnostics, Reducer
from harness.core.rows import RowsT
from harness.core.transitions import Transitions


class RandomReducer(Reducer[RowsT], Generic[RowsT]):
    """Sample rows uniformly without replacement; rows keep their weights."""

    name: ClassVar[str] = "random"
    takes_continuous: ClassVar[bool] = True

    def _reduce(
        self, rows: RowsT, size: int, rng: np.random.Generator
    ) -> tuple[RowsT, IntArray | None, Diagnostics]:
        drawn = _draw(len(rows), size, rng)
        return rows.take(drawn), drawn, {}

    def reduce_parts(
        self, parts: Parts, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Sample the same rows as from a whole dataset."""
        drawn = _draw(parts.row_count, size, rng)
        return take_in_parts(parts, drawn), drawn, {}


def _draw(count: int, size: int, rng: np.random.Generator) -> IntArray:
    return np.sort(rng.choice(count, size, replace=False))
