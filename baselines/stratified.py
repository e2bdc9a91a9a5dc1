"""Stratified random subsampling: the fair baseline for methods that match cells separately."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from harness.core.arrays import IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.numerics.stratification import draw_stratified


class StratifiedReducer(Reducer[Transitions]):
    """Sample rows within strata of action × termination, weighted by the strata's shares."""

    name: ClassVar[str] = "stratified"

    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # minimum share of terminated rows

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        rows, weights = draw_stratified(transitions, size, self.terminated_share, rng)
        return transitions.take(rows, weights), rows, {}
