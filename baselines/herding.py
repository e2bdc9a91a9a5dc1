"""Kernel herding of transitions, by the optional library coreax."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from baselines.coresets import KernelHerdingRegression
from harness.core.arrays import IntArray
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


class HerdingReducer(Reducer):
    """Picks equally weighted rows one by one, so that their kernel mean follows that of all rows.

    It is `KernelHerdingRegression` with ``ζ = (s, one-hot a, s', r)``, each column standardised.
    Time grows with the square of the number of rows.
    """

    name: ClassVar[str] = "herding"

    def check_usable(self, transitions: Transitions) -> None:  # noqa: ARG002
        """Ask for coreax."""
        _RowHerding.check_installed()

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, dict[str, float]]:
        actions = np.eye(transitions.action_count)[transitions.actions]
        features = np.column_stack(
            [transitions.observations, actions, transitions.next_observations]
        )
        data = RegressionSet(features, transitions.rewards, transitions.weights)
        herded = _RowHerding().reduce(data, size, rng)
        rows = np.asarray(herded.source_indices)
        return transitions.take(rows, np.ones(size)), rows, dict(herded.diagnostics)


class _RowHerding(KernelHerdingRegression):
    name = HerdingReducer.name  # so that a missing coreax is asked for by the method in use
