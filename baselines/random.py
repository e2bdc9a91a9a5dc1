"""Uniform random subsampling: the paper's baseline."""

from __future__ import annotations

from typing import ClassVar, Generic

import numpy as np

from harness.core.arrays import IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.rows import RowsT


class RandomReducer(Reducer[RowsT], Generic[RowsT]):
    """Sample rows uniformly without replacement; rows keep their weights."""

    name: ClassVar[str] = "random"

    def _reduce(
        self, rows: RowsT, size: int, rng: np.random.Generator
    ) -> tuple[RowsT, IntArray | None, Diagnostics]:
        drawn = np.sort(rng.choice(len(rows), size, replace=False))
        return rows.take(drawn), drawn, {}
