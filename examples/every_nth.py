"""A reducer of one's own: evenly spaced rows, in the order in which they were recorded.

    bellman-bench distill classic/cartpole/medium-v0 --method every_nth:EveryNth --size 50 \
        --output even.npz

Run it in this folder, or where Python finds this file.
"""

from __future__ import annotations

from typing import ClassVar, Generic

import numpy as np
from pydantic import NonNegativeInt

from harness.core.arrays import IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.rows import RowsT


class EveryNth(Reducer[RowsT], Generic[RowsT]):
    """Keeps evenly spaced rows, of transitions or of a regression set."""

    name: ClassVar[str] = "every-nth"
    deterministic: ClassVar[bool] = True

    skip: NonNegativeInt = 0  # rows at the front that are left out, where enough remain

    def _reduce(
        self,
        rows: RowsT,
        size: int,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[RowsT, IntArray | None, Diagnostics]:
        first = min(self.skip, len(rows) - size)
        kept = first + np.arange(size) * (len(rows) - first) // size
        return rows.take(kept), kept, {"distance": (len(rows) - first) / size}
