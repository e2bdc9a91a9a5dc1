"""Regression arms of the optional library coreax: recombination and kernel herding.

The first reduction of a process imports coreax, and the first at a shape compiles: both take
seconds, and count in the reduction's time.
"""

from __future__ import annotations

import logging
import os
import warnings
from typing import ClassVar

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import InputError
from harness.core.regression_set import RegressionReducer, RegressionSet

TINY = np.finfo(float).tiny
MEDIAN_ROWS = 1000  # enough for a median distance; all pairs of a large set would not fit
BLOCK_ROWS = 1024  # the kernel matrix is summed in blocks, so that it is never held whole


class TreeRecombinationRegression(RegressionReducer):
    """Keeps few weighted rows with the second moments of all rows ``ζ = (x, y)``.

    Recombination matches ``n`` functions exactly on at most ``n + 1`` weighted rows, and with
    ``q = d + 1`` columns there are ``n = q(q + 1) / 2`` second moments. A larger size gives only
    the ``n + 1`` rows: they have the loss of every linear regressor, and more would change none.
    A smaller size ``M`` matches the ``M - 1`` combinations of products that vary most. The seed
    changes nothing.
    """

    name: ClassVar[str] = "tree-recombination"

    @classmethod
    def check_installed(cls) -> None:
        """Import coreax.

        Raises:
            InputError: If it is missing.
        """
        _import_coreax(cls.name)

    def _reduce(
        self,
        data: RegressionSet,
        size: int,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[RegressionSet, IntArray | None, dict[str, float]]:
        functions = product_components(data)
        matched = min(size - 1, functions.shape[1])
        rows, weights = _recombine(functions[:, :matched], data.shares, self.name)
        diagnostics = {"rank": float(functions.shape[1]), "matched": float(matched)}
        return data.take(rows, weights), rows, diagnostics


class KernelHerdingRegression(RegressionReducer):
    """Picks equally weighted rows one by one, so that their kernel mean follows that of all rows.

    The kernel is squared exponential on standardised rows ``ζ = (x, y)``, its length-scale the
    median distance by coreax's rule: the seed draws the rows whose distances count where there are
    many, and changes nothing else. Time grows with the square of the number of rows.
    """

    name: ClassVar[str] = "kernel-herding"

    @classmethod
    def check_installed(cls) -> None:
        """Import coreax.

        Raises:
            InputError: If it is missing.
        """
        _import_coreax(cls.name)

    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, dict[str, float]]:
        rows, shares = _stacked(data), data.shares
        rows -= shares @ rows
        rows /= np.maximum(np.sqrt(shares @ rows**2), TINY)
        sample = rng.choice(len(rows), min(len(rows), MEDIAN_ROWS), replace=False)
        kept, length_scale = _herd(rows, shares, size, rows[sample], self.name)
        return data.take(kept, np.ones(size)), kept, {"length_scale": length_scale}


def product_components(data: RegressionSet) -> Float64Array:
    """Principal components of the products of columns of ``ζ = (x, y)``, largest first.

    Products are centred and columns have unit scale, so that units do not count. Weighted means
    of the components are zero and their weighted mean squares one.

    Returns:
        Components ``(N, rank)``; equal means of all of them are equal second moments.
    """
    rows, shares = _stacked(data), data.shares
    rows /= np.maximum(np.sqrt(shares @ rows**2), TINY)
    left, right = np.triu_indices(rows.shape[1])
    products = rows[:, left] * rows[:, right]
    root = np.sqrt(shares)[:, None]
    vectors, values, _ = np.linalg.svd(root * (products - shares @ products), full_matrices=False)
    # Products are of order one: what is smaller than their rounding is no direction of the data.
    negligible = np.finfo(float).eps * max(products.shape) * max(values[0], 1.0)
    components: Float64Array = vectors[:, values > negligible] / root
    return components


def _stacked(data: RegressionSet) -> Float64Array:
    """Rows ``ζ = (x, y)`` as a new float64 array ``(N, d + 1)``."""
    rows: Float64Array = np.column_stack([data.features, data.targets]).astype(np.float64)
    return rows


def _recombine(
    functions: Float64Array, shares: Float64Array, method: str
) -> tuple[IntArray, Float64Array]:
    """Rows, and weights that sum to one, with the means of ``functions (N, n)`` over all rows."""
    _import_coreax(method)
    import equinox
    import jax
    from coreax import Data
    from coreax.solvers import TreeRecombination

    # Single precision, jax's default, would match moments to seven digits only.
    with jax.enable_x64(True):
        data = Data(jax.numpy.asarray(functions), jax.numpy.asarray(shares))
        found, _ = equinox.filter_jit(TreeRecombination.reduce)(TreeRecombination(), data)
        rows, weights = np.asarray(found.unweighted_indices), np.asarray(found.points.weights)
    kept = weights > 0  # the rest pads the result to the length that compiled code must know
    return rows[kept], weights[kept]


def _herd(
    rows: Float64Array, shares: Float64Array, size: int, sample: Float64Array, method: str
) -> tuple[IntArray, float]:
    """Rows that herding keeps, and the length-scale, which is the median over ``sample``."""
    _import_coreax(method)
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


def _import_coreax(method: str) -> None:
    """Import coreax without its noise.

    Raises:
        InputError: If it is not installed; ``method`` says who needs it.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # else jax complains about idle accelerators
    # coreax sets the root logger up to print to standard output, unless that has a handler.
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        with warnings.catch_warnings(action="ignore"):  # it imports jaxopt, which is deprecated
            import coreax  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"method {method!r} needs coreax ({error}); "
            "install it with: pip install 'bellman-bench[benchmarks]'"
        ) from error
    finally:
        logging.root.removeHandler(handler)
