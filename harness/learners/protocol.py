"""What the harness asks of a learner and of the policies that it yields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from harness.policies import Policy
from harness.transitions import Transitions


@dataclass(frozen=True)
class TrainedPolicy:
    """A checkpoint on the way; its policy may change when the learner goes on."""

    step: int  # gradient steps so far
    policy: Policy
    metrics: Mapping[str, float] = field(default_factory=dict)


class Learner(BaseModel, ABC):
    """Learns from transitions alone; its fields are its parameters.

    A learner never scores itself and never sees the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    def prepare(self) -> None:
        """Import what training needs, which may take seconds; most learners need nothing."""

    @abstractmethod
    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        """Train, and yield a policy at every checkpoint.

        Use each policy before asking for the next: the learner may go on with the same network.

        Args:
            transitions: The set to learn from; rows count in proportion to their weights.
            seed: Fixes initialisation and the order of mini-batches.
        """


def sampling_table(transitions: Transitions) -> NDArray[np.float64]:
    """Cumulative shares ``(N,)`` by which `numpy.searchsorted` draws rows by weight."""
    table: NDArray[np.float64] = np.cumsum(transitions.shares)
    table /= table[-1]
    return table
