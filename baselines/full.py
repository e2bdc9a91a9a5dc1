"""The full dataset: what every reduction is measured against."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.core.arrays import IntArray
from harness.core.reduction import Reducer
from harness.core.transitions import Transitions


class FullReducer(Reducer):
    """Keeps every row; the requested size is ignored."""

    name: ClassVar[str] = "full"

    def _reduce(
        self,
        transitions: Transitions,
        size: int,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[Transitions, IntArray | None, dict[str, float]]:
        return transitions, np.arange(len(transitions)), {}
