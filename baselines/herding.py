"""Kernel herding of transitions and of regression rows, by the optional library coreax."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from baselines.coreax_import import import_coreax
from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions
from harness.numerics.features import action_columns

TINY = np.finfo(float).tiny
MEDIAN_ROWS = 1000  # enough for a median distance; all pairs of a large set exceed memory
BLOCK_ROWS = 1024  # the kernel matrix is summed in blocks, so that it is never all in memory


class KernelHerdingRegression(Reducer[RegressionSet]):
    """Select equally weighted rows greedily to match the kernel mean embedding of the dataset.

    The kernel is squared exponential on standardised rows ``ζ = (x, y)``, with the median distance
    as length-scale (coreax's median heuristic). The seed only draws the rows for that median where
    there are more than 1,000. Time grows with the square of the number of rows.
    """

    name: ClassVar[str] = "kernel-herding"
    deterministic: ClassVar[bool] = True  # except for the rows that the median is taken over

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
    """Select equally weighted rows greedily to match the kernel mean embedding of the dataset.

    It is `KernelHerdingRegression` with ``ζ = (s, a, s', r)``, discrete actions one-hot and each
    column standardised. Time grows with the square of the number of rows.
    """

    name: ClassVar[str] = "herding"
    takes_continuous: ClassVar[bool] = True
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
        actions = action_columns(transitions)
        features = np.column_stack(
            [transitions.observations, actions, transitions.next_observations]
        )
        data = RegressionSet(features, transitions.rewards, transitions.weights)
        kept, length_scale = _herd_standardised(data, size, rng, self.name)
        return transitions.take(kept, np.ones(size)), kept, {"length_scale": length_scale}


def _herd_standardised(
    data: RegressionSet, size: int, rng: np.random.Generator, method: str
) -> tuple[IntArray, float]:
    """Standardise the columns and herd; return the selected rows ``(size,)`` and length-scale."""
    rows, shares = data.points(), data.shares
    rows -= shares @ rows
    rows /= np.maximum(np.sqrt(shares @ rows**2), TINY)
    sample = rng.choice(len(rows), min(len(rows), MEDIAN_ROWS), replace=False)
    return _herd(rows, shares, size, rows[sample], method)


def _herd(
    rows: Float64Array, shares: Float64Array, size: int, sample: Float64Array, method: str
) -> tuple[IntArray, float]:
    """Rows that herding selects, and the length-scale, the median distance over ``sample``."""
    import_coreax(method)
    import equinox
    import jax
    from coreax import Coresubset, Data
    from coreax.kernels import SquaredExponentialKernel, median_heuristic
    from coreax.solvers import KernelHerding

    with jax.enable_x64(True):
        median = float(median_heuristic(jax.numpy.asarray(sample))) if len(sample) > 1 else 0.0
        length_scale = median or 1.0  # zero if most rows are equal: then any length-scale will do
        # A unit length-scale on scaled rows needs one compilation for all length-scales.
        data = Data(jax.numpy.asarray(rows / length_scale), jax.numpy.asarray(shares))
        start = Coresubset(Data(jax.numpy.zeros(size, int), 0), data)
        solver = KernelHerding(size, SquaredExponentialKernel(), block_size=BLOCK_ROWS)
        found, _ = equinox.filter_jit(KernelHerding.refine)(solver, start)
        return np.asarray(found.unweighted_indices), length_scale
