"""Regression sets, their reductions, and the protocol that every regression reducer keeps."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from harness.core.arrays import (
    Float64Array,
    FloatArray,
    IntArray,
    as_float,
    check_finite,
    hash_arrays,
)
from harness.core.errors import InputError
from harness.core.reduction import check_size

ARRAY_NAMES = ("features", "targets", "weights")


@dataclass(frozen=True, eq=False)
class RegressionSet:
    """Weighted rows ``ζ = (x, y)``, checked when they are made.

    Weights are relative: an expectation over the set is the weighted mean of its rows.

    Raises:
        InputError: If the set is empty, shapes disagree, values are not finite or a weight is not
            positive.
    """

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
                f"weight {self.weights.min()}: weights must be positive; drop rows of no weight"
            )

    def _check_shapes(self) -> None:
        shape = self.features.shape
        if len(shape) != 2:
            raise InputError(f"features of shape {shape}: the rule is (M, d); reshape them")
        if 0 in shape:
            raise InputError(
                f"features of shape {shape}: a regression set needs a row and a column; load more"
            )
        for name in ("targets", "weights"):
            found = getattr(self, name).shape
            if found != shape[:1]:
                raise InputError(
                    f"{name} of shape {found}: features of shape {shape} need {shape[:1]}; "
                    "check how the arrays were cut"
                )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold."""
        return sum(getattr(self, name).nbytes for name in ARRAY_NAMES)

    @property
    def shares(self) -> Float64Array:
        """Weights as float64 shares ``(M,)`` that sum to one."""
        weights = self.weights.astype(np.float64)
        shares: Float64Array = weights / weights.sum()
        return shares

    def take(self, rows: IntArray, weights: FloatArray | None = None) -> RegressionSet:
        """Return the given rows, with their own weights unless others are given."""
        return RegressionSet(
            features=self.features[rows],
            targets=self.targets[rows],
            weights=self.weights[rows] if weights is None else weights,
        )

    def content_hash(self) -> str:
        """SHA-256 over names, types, shapes and bytes of the arrays."""
        return hash_arrays({name: getattr(self, name) for name in ARRAY_NAMES})


@dataclass(frozen=True, eq=False)
class RegressionReduction:
    """A small regression set that stands for a large one."""

    data: RegressionSet  # M rows
    source_indices: IntArray | None  # (M,) rows of the source; None says synthetic
    method: str
    parameters: Mapping[str, Any]
    seconds: float  # wall time of the reduction
    diagnostics: Mapping[str, float] = field(default_factory=dict)

    @property
    def features(self) -> FloatArray:
        """Features of the reduced rows, ``(M, d)``."""
        return self.data.features

    @property
    def targets(self) -> FloatArray:
        """Targets of the reduced rows, ``(M,)``."""
        return self.data.targets

    @property
    def weights(self) -> FloatArray:
        """Relative weights of the reduced rows, ``(M,)``."""
        return self.data.weights


class RegressionReducer(BaseModel, ABC):
    """Turns a regression set into a reduction; its fields are its parameters.

    Subclasses implement `_reduce`. A reducer never sees the test split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    @classmethod
    def check_installed(cls) -> None:
        """Look for the optional library that the reducer needs; most need none.

        Raises:
            InputError: If it is missing.
        """

    def reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> RegressionReduction:
        """Reduce ``data`` to ``size`` rows, and time it.

        Raises:
            InputError: If ``size`` is not in ``1..len(data)``.
        """
        check_size(size, len(data), "rows")
        started = time.perf_counter()
        reduced, source_indices, diagnostics = self._reduce(data, size, rng)
        return RegressionReduction(
            data=reduced,
            source_indices=source_indices,
            method=self.name,
            parameters=self.model_dump(mode="json"),
            seconds=time.perf_counter() - started,
            diagnostics=diagnostics,
        )

    @abstractmethod
    def _reduce(
        self, data: RegressionSet, size: int, rng: np.random.Generator
    ) -> tuple[RegressionSet, IntArray | None, dict[str, float]]:
        """Return the reduced rows, the source row of each (None if synthetic) and diagnostics."""
