"""Learners, and the policies and predictors that they yield: what the harness asks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


class Policy(Protocol):
    """Maps observations to actions."""

    def act(self, observations: FloatArray) -> IntArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B,)``."""
        ...


class ContinuousPolicy(Protocol):
    """Maps observations to vectors of continuous actions."""

    def act(self, observations: FloatArray) -> FloatArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B, action_dim)``."""
        ...


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


class Predictor(Protocol):
    """Maps features to predicted targets."""

    def predict(self, features: FloatArray) -> Float64Array:
        """Predict a target for each row, ``(B, d) -> (B,)``."""
        ...


class RegressionLearner(BaseModel, ABC):
    """Learns from a regression set alone; its fields are its parameters.

    A learner never scores itself and never sees the test part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    @abstractmethod
    def fit(self, data: RegressionSet, seed: int) -> Predictor:
        """Learn a predictor.

        Args:
            data: The set to learn from; rows count in proportion to their weights.
            seed: Fixes whatever is random in training.
        """
