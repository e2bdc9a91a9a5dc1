"""Greedy forward selection of rows for kernel ridge regression, by exact updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.arrays import Float64Array, IntArray

TINY = np.finfo(float).tiny


class GrowingRegression:
    """Kernel ridge regression from selected rows, and its squared error over all rows.

    Selecting row j changes the fit by ``k_S(·, j) r_j / (k_S(j, j) + ρ)``, where ``k_S`` is the
    kernel that is left after the rows S were selected and r what is left of the targets. The gain
    of every row is kept up to date by products with the kernel matrix: none is ever inverted.
    """

    def __init__(
        self, kernel: Float64Array, targets: Float64Array, shares: Float64Array, ridge: float
    ) -> None:
        """Start with no row selected, at the fit of zero.

        Args:
            kernel: Of all rows, ``(n, n)``.
            targets: Of all rows, ``(n,)``.
            shares: Weights of the rows' squared errors, ``(n,)``.
            ridge: ρ, added to the kernel's diagonal.
        """
        self._kernel = kernel
        self._shares = shares
        self._ridge = ridge
        self.residual = targets.copy()  # (n,)
        self._left = np.diag(kernel).copy()  # (n,) k_S(j, j)
        self._power = np.einsum("ij,ij,j->i", kernel, kernel, shares)  # (n,) sum_i w_i k_S(i, j)²
        self._basis = np.empty((0, len(targets)))  # (|S|, n), k_S = kernel - basisᵀ basis

    @property
    def error(self) -> float:
        """Weighted squared error over all rows."""
        return float(self._shares @ np.square(self.residual))

    def gains(self) -> Float64Array:
        """Compute by how much selecting each row would lower the error, ``(n,)``."""
        steps = self.residual / (self._left + self._ridge)
        slopes = self._product(self._shares * self.residual)
        gains: Float64Array = steps * (2 * slopes - steps * self._power)
        return gains

    def select(self, row: int) -> None:
        """Add a row to the regression."""
        column = self._kernel[row] - self._basis[:, row] @ self._basis
        direction = column / np.sqrt(column[row] + self._ridge)
        weighted = self._shares * direction
        self._power += direction * (
            direction * (direction @ weighted) - 2 * self._product(weighted)
        )
        self._left -= np.square(direction)
        self.residual -= direction * self.residual[row] / np.sqrt(column[row] + self._ridge)
        self._basis = np.vstack([self._basis, direction])

    def _product(self, values: Float64Array) -> Float64Array:
        """Multiply ``k_S`` by a vector ``(n,)``."""
        product: Float64Array = self._kernel @ values - (self._basis @ values) @ self._basis
        return product


@dataclass(frozen=True, eq=False)
class Selection:
    """Selected rows, and how well regression from them fits all rows."""

    rows: IntArray  # (size,) in order of selection
    errors: Float64Array  # (kernels,) squared errors, relative to those of predicting zero


def select_forward(
    kernels: Sequence[Sequence[Float64Array]],
    groups: Sequence[IntArray],
    targets: Float64Array,
    shares: Float64Array,
    size: int,
    ridge: float,
) -> Selection:
    """Select rows one by one, each the one after which regression fails least on all rows.

    Rows of different groups tell each other nothing. Under several kernels the relative decreases
    of their errors are added, so that no kernel's errors hide those of another.

    Args:
        kernels: For each group a matrix for every kernel, ``(n_g, n_g)`` each.
        groups: Rows of each group, ``(n_g,)``; together all n rows, each once.
        targets: What is regressed, ``(n,)``.
        shares: Weights of the rows' squared errors, ``(n,)``.
        size: Number of rows to select, at most n.
        ridge: Added to the diagonal of every kernel, in units of the diagonal's mean.
    """
    fits = [
        [
            GrowingRegression(
                matrix, targets[rows], shares[rows], ridge * float(np.diag(matrix).mean())
            )
            for matrix in matrices
        ]
        for rows, matrices in zip(groups, kernels, strict=True)
    ]
    gains = [np.stack([fit.gains() for fit in group]) for group in fits]  # (kernels, n_g) each
    errors = _errors(fits)
    start = np.maximum(errors, TINY)
    free = [np.ones(len(rows), dtype=np.bool_) for rows in groups]
    selected = np.empty(size, dtype=np.int64)
    for number in range(size):
        worth = [
            np.where(rows, (1 / np.maximum(errors, TINY)) @ gain, -np.inf)
            for rows, gain in zip(free, gains, strict=True)
        ]
        group = int(np.argmax([each.max() for each in worth]))
        row = int(np.argmax(worth[group]))
        selected[number] = groups[group][row]
        free[group][row] = False
        for fit in fits[group]:
            fit.select(row)
        gains[group] = np.stack([fit.gains() for fit in fits[group]])
        errors = _errors(fits)
    return Selection(selected, errors / start)


def _errors(fits: Sequence[Sequence[GrowingRegression]]) -> Float64Array:
    """Errors over the rows of all groups, ``(kernels,)``."""
    return np.array([sum(fit.error for fit in kernel) for kernel in zip(*fits, strict=True)])
