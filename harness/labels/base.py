"""Labels: what turns the rewards of transitions into others, fitted on the full dataset alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from harness.core.arrays import Float64Array, FloatArray
from harness.core.errors import InputError
from harness.core.learner import ActorCritic
from harness.core.rows import evenly_spaced
from harness.core.transitions import GIVE_A_CODEBOOK, Transitions


@runtime_checkable
class QFunction(Protocol):
    """Action values at any state: of a teacher, or of a learner's policy that is greedy for them.

    Values are in units of the rewards.
    """

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(N, obs_dim) -> (N, action_count)``."""
        ...


@dataclass(frozen=True)
class FittedTeacher:
    """What a teacher learned, and what was found meanwhile."""

    learned: QFunction | ActorCritic  # of numbered actions, or of continuous ones
    seconds: float  # wall time of fitting it
    diagnostics: Mapping[str, float] = field(default_factory=dict)

    @property
    def q(self) -> QFunction:
        """The values of numbered actions."""
        return cast(QFunction, self.learned)

    @property
    def actor(self) -> ActorCritic:
        """The best continuous actions and their values."""
        return cast(ActorCritic, self.learned)

    @property
    def error(self) -> float:
        """Squared error over the variance of what it was fitted to; 0 where it tells none."""
        return max(self.diagnostics.get(name, 0.0) for name in ("left_out_error", "bellman_error"))

    @property
    def refuted(self) -> bool:
        """Whether its own data refute it: a constant would do as well."""
        return self.error >= 1


class Teacher(BaseModel, ABC):
    """Fits a Q-function to a dataset; its fields are its parameters. It sees no environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    cache_version: ClassVar[int] = 1  # raise it when the same parameters give other values

    def parts(self) -> tuple[BaseModel, ...]:
        """Return the objects whose classes decide its values: itself, and what it is made of."""
        return (self,)

    def check_actions(self, transitions: Transitions) -> None:
        """Refuse actions that it cannot value; by default continuous ones.

        Raises:
            InputError: If they are such.
        """
        if transitions.is_continuous:
            raise InputError(
                f"teacher {self.name!r}: actions must be discrete, and these are vectors of "
                f"{transitions.action_dim} numbers; name a teacher of such, as `teacher = {{ name "
                '= "learner", parameters = { learner = "iql" } }`, or '
                f"{GIVE_A_CODEBOOK}"
            )

    @abstractmethod
    def fit(self, transitions: Transitions, discount: float) -> FittedTeacher:
        """Fit the values of the optimal policy, and its actions where they are continuous.

        Args:
            transitions: The full dataset.
            discount: γ.

        Raises:
            InputError: If the fit diverges.
        """

    def pack(self, q: QFunction) -> Mapping[str, NDArray[Any]] | None:  # noqa: ARG002
        """Return the arrays that a fitted Q-function is made of; None: it is not kept on disk."""
        return None

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> QFunction:
        """Make the Q-function of what `pack` returned."""
        raise NotImplementedError


def check_fitted(fitted: FittedTeacher, transitions: Transitions, teacher: str) -> None:
    """Check what a teacher's fit returned, as a class of the user's may return anything.

    Raises:
        InputError: If it is no fitted teacher, or its values are not a finite number for every
            action of each state, or an actor's for its own.
    """
    if not isinstance(fitted, FittedTeacher):
        raise InputError(
            f"teacher {teacher!r} returned a {type(fitted).__name__}: fit returns a FittedTeacher; "
            "correct the class"
        )
    probes = transitions.observations[evenly_spaced(len(transitions), 100)]
    no_numbers = (
        "gives values that are not finite numbers: they must be; correct the class, or scale the "
        "dataset down"
    )
    subject = f"teacher {teacher!r}"
    if transitions.is_continuous:
        check_actor(fitted.actor, probes, transitions.action_dim, subject, no_numbers)
    else:
        check_values(fitted.q, probes, transitions.action_count, subject, no_numbers)


def check_values(
    q: QFunction, observations: FloatArray, action_count: int, subject: str, no_numbers: str
) -> None:
    """Check that values are a finite number for every action of each state.

    Args:
        q: A Q-function, of a class of the user's perhaps.
        observations: States, ``(N, obs_dim)``.
        action_count: Number of actions.
        subject: Whose values they are, in messages.
        no_numbers: What is said of ``subject`` where a value is no finite number.

    Raises:
        InputError: If they are not.
    """
    values = np.asarray(q.values(observations))
    if values.shape != (len(observations), action_count):
        raise InputError(
            f"{subject} gives values of shape {values.shape} for {len(observations)} states of "
            f"{action_count} actions: the rule is a value of every action of each state; correct "
            "the class"
        )
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise InputError(f"{subject} {no_numbers}")


def check_actor(
    actor: ActorCritic, observations: FloatArray, action_dim: int, subject: str, no_numbers: str
) -> None:
    """Check that an actor gives finite vectors, and its critic a finite value of each.

    Args:
        actor: Of a class of the user's perhaps.
        observations: States, ``(N, obs_dim)``.
        action_dim: Numbers of an action.
        subject: As of `check_values`.
        no_numbers: As of `check_values`.

    Raises:
        InputError: If they do not.
    """
    actions = np.asarray(actor.act(observations))
    if actions.shape != (len(observations), action_dim):
        raise InputError(
            f"{subject} gives actions of shape {actions.shape} at {len(observations)} states: the "
            f"rule is {action_dim} numbers at each; correct the class"
        )
    values = np.asarray(actor.value_of(observations, actions))
    if values.shape != (len(observations),) or not np.isfinite([actions.sum(), values.sum()]).all():
        raise InputError(f"{subject} {no_numbers}")


class Labels(BaseModel, ABC):
    """What rewards say; the fields are parameters.

    Labels are fitted to the full dataset, never see the environment, and compose with every
    reducer: reduced rows are labelled where they are, synthetic ones too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    cache_version: ClassVar[int] = 1  # raise it when the same parameters give other labels
    takes_continuous: ClassVar[bool] = False  # whether it labels rows with continuous actions

    def check_actions(self, transitions: Transitions) -> None:
        """Refuse continuous actions, unless the labels take them.

        Raises:
            InputError: If they do not.
        """
        if not self.takes_continuous:
            transitions.check_numbered(f"labels {self.name!r}")

    def rows_for(self, size: int, action_count: int) -> int:  # noqa: ARG002
        """Return how many rows a reducer must give so that ``size`` labelled rows come of them.

        Raises:
            InputError: If no number does.
        """
        return size

    @abstractmethod
    def make(self, teacher: FittedTeacher, transitions: Transitions, discount: float) -> Relabel:
        """Fix whatever the labels take from the full dataset, such as their scale.

        Args:
            teacher: Fitted to the full dataset.
            transitions: The full dataset.
            discount: γ.

        Raises:
            InputError: If the dataset holds no signal that could be told to a learner.
        """


class Relabel(Protocol):
    """Labels that are ready for use."""

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        """What a record keeps of the labels."""
        ...

    def __call__(self, transitions: Transitions) -> Transitions:
        """Label reduced rows."""
        ...
