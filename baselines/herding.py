"""Kernel herding by the optional library coreax: of transitions and of regression rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from baselines.coreax_import import import_coreax
from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions

TINY = np.finfo(float).tiny
MEDIAN_ROWS = 1000  # enough for a median distance; all pairs of a large set would not fit
BLOCK_ROWS = 1024  # the kernel matrix is summed in blocks, so that it is never held whole


class KernelHerdingRegression(Reducer[RegressionSet]):
    """Picks equally weighted rows one by one, so that their kernel mean follows that of all rows.

    The kernel is squared exponential on standardised rows ``ζ = (x, y)``, its length-scale the
    median distance by coreax's rule: the seed draws the rows whose distances count where there are
    many, and changes nothing else. Time grows with the square of the number of rows.
    """

    name: ClassVar[str] = "kernel-herding"
    deterministic: ClassVar[bool] = True  # but for the rows of a large set that distances count of

    def check_usable(self, rows: RegressionSet) -> None:  # noqa: ARG002
        """Import coreax.

        Raises:
            InputError: If it is missing.
        """
        import_coreax(self.name)

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, Diagnostics]:
        kept, length_scale = _herd_standardised(data, size, rng, self.name)
        return data.take(kept, np.ones(size)), kept, {"length_scale": length_scale}


class HerdingReducer(Reducer[Transitions]):
    """Picks equally weighted rows one by one, so that their kernel mean follows that of all rows.

    It is `KernelHerdingRegression` with ``ζ = (s, one-hot a, s', r)``, each column standardised.
    Time grows with the square of the number of rows.
    """

    name: ClassVar[str] = "herding"
    deterministic: ClassVar[bool] = True  # as `KernelHerdingRegression` is

    def check_usable(self, transitions: Transitions) -> None:  # noqa: ARG002
        """Import coreax.

        Raises:
            InputError: If it is missing.
        """
        import_coreax(self.name)

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        actions = np.eye(transitions.action_count)[transitions.actions]
        features = np.column_stack(
            [transitions.observations, actions, transitions.next_observations]
        )
        data = RegressionSet(features, transitions.rewards, transitions.weights)
        kept, length_scale = _herd_standardised(data, size, rng, self.name)
        return transitions.take(kept, np.ones(size)), kept, {"length_scale": length_scale}


def _herd_standardised(
    data: RegressionSet, size: int, rng: np.random.Generator, method: str
) -> tuple[IntArray, float]:
    """Standardise the columns and herd; returns the rows kept ``(size,)`` and the length-scale."""
    rows, shares = data.points(), data.shares
    rows -= shares @ rows
    rows /= np.maximum(np.sqrt(shares @ rows**2), TINY)
    sample = rng.choice(len(rows), min(len(rows), MEDIAN_ROWS), replace=False)
    return _herd(rows, shares, size, rows[sample], method)


def _herd(
    rows: Float64Array, shares: Float64Array, size: int, sample: Float64Array, method: str
) -> tuple[IntArray, float]:
    """Rows that herding keeps, and the length-scale, which is the median over ``sample``."""
    import_coreax(method)
    import equinox
    import jax
    from coreax import Coresubset, Data
    from coreax.kernels import SquaredExponentialKernel, median_heuristic
    from coreax.solvers import KernelHerding

    with jax.enable_x64(True):
        median = float(median_heuristic(jax.numpy.asarray(sample))) if len(sample) > 1 else 0.0
        length_scale = median or 1.0  # where most rows are equal, any length-scale will do
        # A kernel of unit length on scaled rows is compiled once for all length-scales.
        data = Data(jax.numpy.asarray(rows / length_scale), jax.numpy.asarray(shares))
        start = Coresubset(Data(jax.numpy.zeros(size, int), 0), data)
        solver = KernelHerding(size, SquaredExponentialKernel(), block_size=BLOCK_ROWS)
        found, _ = equinox.filter_jit(KernelHerding.refine)(solver, start)
        return np.asarray(found.unweighted_indices), length_scale
