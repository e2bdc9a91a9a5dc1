"""Recombination of regression rows, by the optional library coreax.

The first reduction of a process imports coreax, and the first at each shape compiles: both take
seconds, which count in the reduction's time.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from baselines.coreax_import import import_coreax
from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.regression_set import RegressionSet

TINY = np.finfo(float).tiny


class TreeRecombinationRegression(Reducer[RegressionSet]):
    """Select weighted rows ``ζ = (x, y)`` with exactly the second moments of the full dataset.

    Recombination matches the means of ``n`` functions exactly on at most ``n + 1`` weighted rows,
    and ``q = d + 1`` columns have ``n = q(q + 1) / 2`` second moments. A larger size still gives
    ``n + 1`` rows, on which every linear regressor has its loss on the full dataset. A smaller size
    ``M`` matches the ``M - 1`` leading principal components of the products. The seed has no
    effect.
    """

    name: ClassVar[str] = "tree-recombination"
    sizes: ClassVar[Literal["at most"]] = "at most"
    deterministic: ClassVar[bool] = True

    def check_usable(self, rows: RegressionSet) -> None:  # noqa: ARG002
        """Import coreax.

        Raises:
            InputError: If it is missing.
        """
        import_coreax(self.name)

    def _reduce(
        self,
        data: RegressionSet,
        size: int,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> tuple[RegressionSet, IntArray | None, Diagnostics]:
        functions = product_components(data)
        matched = min(size - 1, functions.shape[1])
        rows, weights = _recombine(functions[:, :matched], data.shares, self.name)
        diagnostics = {"rank": float(functions.shape[1]), "matched": float(matched)}
        return data.take(rows, weights), rows, diagnostics


def product_components(data: RegressionSet) -> Float64Array:
    """Principal components of the products of columns of ``ζ = (x, y)``, largest variance first.

    Products are centred and columns have unit scale, so that units do not matter. Components have
    weighted mean zero and weighted mean square one.

    Returns:
        Components ``(N, rank)``; equal means of all of them are equal second moments.
    """
    rows, shares = data.points(), data.shares
    rows /= np.maximum(np.sqrt(shares @ rows**2), TINY)
    left, right = np.triu_indices(rows.shape[1])
    products = rows[:, left] * rows[:, right]
    root = np.sqrt(shares)[:, None]
    vectors, values, _ = np.linalg.svd(root * (products - shares @ products), full_matrices=False)
    # Products are of order one: singular values below their rounding error are noise.
    negligible = np.finfo(float).eps * max(products.shape) * max(values[0], 1.0)
    components: Float64Array = vectors[:, values > negligible] / root
    return components


def _recombine(
    functions: Float64Array, shares: Float64Array, method: str
) -> tuple[IntArray, Float64Array]:
    """Rows and normalised weights with the means of ``functions (N, n)`` over all rows."""
    import_coreax(method)
    import equinox
    import jax
    from coreax import Data
    from coreax.solvers import TreeRecombination

    # Single precision, jax's default, would match moments to only seven digits.
    with jax.enable_x64(True):
        data = Data(jax.numpy.asarray(functions), jax.numpy.asarray(shares))
        found, _ = equinox.filter_jit(TreeRecombination.reduce)(TreeRecombination(), data)
        rows, weights = np.asarray(found.unweighted_indices), np.asarray(found.points.weights)
    kept = weights > 0  # the rest is padding: compiled code needs a fixed length
    return rows[kept], weights[kept]
