"""Regression sets: weighted rows of features and a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from harness.core.arrays import (
    Float64Array,
    FloatArray,
    IntArray,
    as_float,
    check_finite,
    hash_arrays,
)
from harness.core.errors import InputError

ARRAY_NAMES = ("features", "targets", "weights")


@dataclass(frozen=True, eq=False)
class RegressionSet:
    """Weighted rows ``ζ = (x, y)``, validated at construction.

    Weights are relative: an expectation over the set is the weighted mean of its rows.

    Raises:
        InputError: If the set is empty, shapes disagree, values are not finite or too large, or a
            weight is not positive.
    """

    noun: ClassVar[str] = "rows"

    features: FloatArray  # (M, d)
    targets: FloatArray  # (M,)
    weights: FloatArray  # (M,)

    def __post_init__(self) -> None:
        for name in ARRAY_NAMES:
            view = as_float(name, getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        self._check_shapes()
        for name in ARRAY_NAMES:
            check_finite(name, getattr(self, name))
        if self.weights.min() <= 0:
            raise InputError(
                f"weight {self.weights.min()}: weights must be positive; drop rows of zero weight"
            )

    def _check_shapes(self) -> None:
        shape = self.features.shape
        if len(shape) != 2:
            raise InputError(f"features of shape {shape}: the rule is (M, d); reshape them")
        if 0 in shape:
            raise InputError(
                f"features of shape {shape}: a regression set needs at least one row and one "
                "column; load more"
            )
        for name in ("targets", "weights"):
            found = getattr(self, name).shape
            if found != shape[:1]:
                raise InputError(
                    f"{name} of shape {found}: features of shape {shape} need {shape[:1]}; "
                    "check how the arrays were sliced"
                )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(getattr(self, name).nbytes for name in ARRAY_NAMES)

    @property
    def shares(self) -> Float64Array:
        """Normalised weights ``(M,)`` as float64."""
        weights = self.weights.astype(np.float64)
        shares: Float64Array = weights / weights.sum()
        return shares

    def points(self) -> Float64Array:
        """Stack the rows ``ζ = (x, y)`` as a new float64 array, ``(M, d + 1)``."""
        stacked: Float64Array = np.column_stack([self.features, self.targets]).astype(np.float64)
        return stacked

    def take(self, rows: IntArray, weights: FloatArray | None = None) -> RegressionSet:
        """Select rows, with their own weights unless others are given."""
        return RegressionSet(
            features=self.features[rows],
            targets=self.targets[rows],
            weights=self.weights[rows] if weights is None else weights,
        )

    def content_hash(self) -> str:
        """SHA-256 over names, types, shapes and bytes of the arrays."""
        return hash_arrays({name: getattr(self, name) for name in ARRAY_NAMES})
