"""Weighted reservoir sampling of rows that come in chunks.

A row's key is exponential with its weight as rate, and the rows of the smallest keys are kept
(Efraimidis and Spirakis): rows are drawn without replacement, in proportion to weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.regression_set import RegressionSet

SLICE = 1 << 16  # rows whose keys are drawn at a time


class SmallestKeys:
    """The rows with the smallest keys among all that were offered."""

    def __init__(self, size: int) -> None:
        """Make room for ``size`` rows.

        Raises:
            InputError: If ``size`` is below one.
        """
        if size < 1:
            raise InputError(f"size {size}: it must be at least 1; choose a larger size")
        self.keys: Float64Array = np.empty(0)  # ascending
        self.rows: Float64Array = np.empty((0, 0))  # (at most size, q), in order of keys
        self._size = size

    @property
    def worst(self) -> float:
        """The largest key kept; a row needs a smaller one to be kept."""
        return float(self.keys[-1]) if len(self.keys) == self._size else np.inf

    def offer(self, keys: Float64Array, blocks: Sequence[FloatArray], competing: IntArray) -> None:
        """Offer some of the rows of a chunk, and keep those with the smallest keys.

        Args:
            keys: Keys of the chunk's rows, ``(n,)``.
            blocks: Columns of the chunk's rows, side by side: shapes ``(n,)`` or ``(n, q_i)``.
            competing: The rows offered.
        """
        good = competing[keys[competing] < self.worst]
        if len(good) > self._size:
            good = good[np.argpartition(keys[good], self._size - 1)[: self._size]]
        taken = np.column_stack([block[good] for block in blocks])
        rows = self.rows if len(self.keys) else np.empty((0, taken.shape[1]))
        keys = np.concatenate([self.keys, keys[good]])
        order = np.argsort(keys)[: self._size]
        self.keys, self.rows = keys[order], np.concatenate([rows, taken])[order]


class Reservoir:
    """Sample rows without replacement, in proportion to weight, from a stream of chunks.

    The sample does not depend on how the rows are split into chunks.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        """Make room for ``size`` rows.

        Raises:
            InputError: If ``size`` is below one.
        """
        self._kept = SmallestKeys(size)
        self._rng = rng

    @property
    def rows(self) -> Float64Array:
        """The subsample so far, ``(at most size, d + 1)``, in order of keys."""
        return self._kept.rows

    def offer(self, data: RegressionSet) -> None:
        """Offer the rows ``(x, y)`` of a chunk."""
        for begin in range(0, len(data), SLICE):
            part = slice(begin, begin + SLICE)
            weights = data.weights[part]
            keys = self._rng.standard_exponential(len(weights)) / weights
            good = np.flatnonzero(keys < self._kept.worst)
            self._kept.offer(keys, [data.features[part], data.targets[part]], good)
