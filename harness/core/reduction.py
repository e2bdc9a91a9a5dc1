"""Reductions, and the protocol that every reducer and distiller keeps."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from harness.core.arrays import IntArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions

Diagnostics = Mapping[str, Any]  # numbers, and lists of numbers


@dataclass(frozen=True, eq=False)
class Reduction:
    """A small set that stands for a large one."""

    transitions: Transitions  # M rows
    source_indices: IntArray | None  # (M,) rows of the source; None says synthetic
    method: str
    parameters: Mapping[str, Any]
    seconds: float  # wall time of the reduction
    diagnostics: Diagnostics = field(default_factory=dict)


class Reducer(BaseModel, ABC):
    """Turns transitions into a reduction; its fields are its parameters.

    Subclasses implement `_reduce`. A reducer never sees the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    def check_usable(self, transitions: Transitions) -> None:
        """Look for what the reducer needs beside rows: episodes, a library; most need nothing.

        Raises:
            InputError: If it is missing.
        """

    def reduce(self, transitions: Transitions, size: int, rng: np.random.Generator) -> Reduction:
        """Reduce ``transitions`` to ``size`` rows, and time it.

        Raises:
            InputError: If ``size`` is not in ``1..len(transitions)``.
        """
        check_size(size, len(transitions))
        started = time.perf_counter()
        reduced, source_indices, diagnostics = self._reduce(transitions, size, rng)
        return Reduction(
            transitions=reduced,
            source_indices=source_indices,
            method=self.name,
            parameters=self.model_dump(mode="json"),
            seconds=time.perf_counter() - started,
            diagnostics=diagnostics,
        )

    @abstractmethod
    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Return the reduced rows, the source row of each (None if synthetic) and diagnostics."""


def check_size(size: int, available: int, rows: str = "transitions") -> None:
    """Refuse a size that the data cannot give.

    Args:
        size: Rows asked for.
        available: Rows that the dataset holds.
        rows: What the dataset calls its rows.

    Raises:
        InputError: If ``size`` is not in ``1..available``.
    """
    if not 1 <= size <= available:
        raise InputError(
            f"size {size}: it must lie between 1 and the dataset's {available} {rows}; "
            "choose another size or a larger dataset"
        )
