"""Interfaces of learners, and of the policies and predictors that they return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


class Policy(Protocol):
    """Maps observations to discrete actions."""

    def act(self, observations: FloatArray) -> IntArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B,)``."""
        ...


class ContinuousPolicy(Protocol):
    """Maps observations to vectors of continuous actions."""

    def act(self, observations: FloatArray) -> FloatArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B, action_dim)``."""
        ...


@runtime_checkable
class ActorCritic(Protocol):
    """The best continuous action at any state, and what any action is worth there.

    Values are in units of the rewards.
    """

    def act(self, observations: FloatArray) -> FloatArray:
        """Choose the best action of each state, ``(N, obs_dim) -> (N, action_dim)``."""
        ...

    def value_of(self, observations: FloatArray, actions: FloatArray) -> Float64Array:
        """Value of an action at each state, ``(N, obs_dim), (N, action_dim) -> (N,)``."""
        ...


@dataclass(frozen=True)
class TrainedPolicy:
    """The policy of a checkpoint; it may change when training continues."""

    step: int  # gradient steps so far
    policy: Policy | ContinuousPolicy
    metrics: Mapping[str, float] = field(default_factory=dict)
    saved_seconds: float = 0.0  # of training so far, because another run had done it


def no_policy(learner: str) -> InputError:
    """Build the error of a learner, by its name or label, that yielded no policy."""
    return InputError(
        f"learner {learner!r} yielded no policy: fit must yield one at least; correct the class"
    )


class Learner(BaseModel, ABC):
    """An offline-RL algorithm, which learns from transitions alone; fields are its parameters.

    A learner neither evaluates itself nor has access to the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    cache_version: ClassVar[int] = 1  # raise it when the same parameters teach other values
    continuous: ClassVar[bool] = False  # whether it learns continuous actions, and no others

    def rows_for(self, transitions: Transitions) -> Transitions:
        """Return transitions with actions as the learner takes them.

        A learner of continuous actions gets a codebook's codes in the place of their numbers.

        Raises:
            InputError: If there are none such.
        """
        subject = f"learner {self.name!r}"
        if self.continuous:
            return transitions.in_vectors(subject)
        transitions.check_numbered(subject)
        return transitions

    def prepare(self) -> None:
        """Import libraries that training needs, which may take seconds; by default nothing."""

    @abstractmethod
    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        """Train, and yield a policy at every checkpoint.

        Use each policy before requesting the next: the learner may continue with the same network.

        Args:
            transitions: The training set, with weighted rows; `rows_for` has given them.
            seed: Fixes the initialisation and the order of mini-batches.
        """


class Predictor(Protocol):
    """Maps features to predicted targets."""

    def predict(self, features: FloatArray) -> Float64Array:
        """Predict a target for each row, ``(B, d) -> (B,)``."""
        ...


class RegressionLearner(BaseModel, ABC):
    """A regression algorithm, which learns from a regression set; fields are its parameters.

    A learner neither evaluates itself nor has access to the test split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    @abstractmethod
    def fit(self, data: RegressionSet, seed: int) -> Predictor:
        """Train a predictor.

        Args:
            data: The training set, with weighted rows.
            seed: Fixes all randomness of the training.
        """
