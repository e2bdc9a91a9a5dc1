"""The full dataset, the reference for every reduction."""

from __future__ import annotations

from typing import ClassVar, Generic, Literal

import numpy as np

from harness.core.arrays import IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.rows import RowsT


class FullReducer(Reducer[RowsT], Generic[RowsT]):
    """Keep the full dataset; the requested size is ignored."""

    name: ClassVar[str] = "full"
    takes_continuous: ClassVar[bool] = True
    sizes: ClassVar[Literal["all rows"]] = "all rows"
    deterministic: ClassVar[bool] = True

    def _reduce(
        self,
        rows: RowsT,
        size: int,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[RowsT, IntArray | None, Diagnostics]:
        return rows, np.arange(len(rows)), {}
