"""Uniform random subsampling: the paper's baseline."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.core.arrays import IntArray
from harness.core.reduction import Reducer
from harness.core.transitions import Transitions


class RandomReducer(Reducer):
    """Draws rows uniformly without replacement."""

    name: ClassVar[str] = "random"

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, dict[str, float]]:
        rows = np.sort(rng.choice(len(transitions), size, replace=False))
        return transitions.take(rows), rows, {}
