"""A teacher in a learner's place: what its own policy is worth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from harness.core.arrays import FloatArray, IntArray
from harness.core.classes.specs import ClassSpec
from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions
from harness.labels.base import QFunction, Teacher
from harness.labels.builtin import TEACHERS
from harness.tasks.teachers.fitting import fit_once


class TeacherLearner(Learner):
    """Fits a teacher and acts as it finds best: the arm that labelled sets are made after.

    It differs between runs in the data alone, for a teacher has a seed of its own: runs that share
    their data share the fit, as labels do, and each of them counts its seconds as training.
    """

    name: ClassVar[str] = "teacher"

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    teacher: ClassSpec = Field(default=ClassSpec(name="closed-form"), validate_default=True)

    @field_validator("teacher")
    @classmethod
    def _parameters_are_complete(cls, spec: ClassSpec) -> ClassSpec:
        """Fill in the teacher's defaults, for records."""
        whole: Mapping[str, Any] = _make(spec).model_dump(mode="json")
        return ClassSpec(name=spec.name, parameters=dict(whole))

    def rows_for(self, transitions: Transitions) -> Transitions:
        """Return the rows as they are, with whatever actions the teacher takes.

        Raises:
            InputError: If it does not take theirs.
        """
        _make(self.teacher).check_actions(transitions)
        return transitions

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:  # noqa: ARG002
        """Fit the teacher; there is one policy, after no gradient step that is counted.

        Raises:
            InputError: If the fit diverges.
        """
        started = time.perf_counter()
        fitted = fit_once(_make(self.teacher), transitions, self.discount)
        saved = max(fitted.seconds - (time.perf_counter() - started), 0.0)
        policy = fitted.actor if transitions.is_continuous else Greedy(fitted.q)
        yield TrainedPolicy(0, policy, fitted.diagnostics, saved)


@dataclass(frozen=True, eq=False)
class Greedy:
    """Chooses the action of maximum value."""

    q: QFunction

    def act(self, observations: FloatArray) -> IntArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B,)``."""
        best: IntArray = self.values(observations).argmax(axis=1)
        return best

    def values(self, observations: FloatArray) -> FloatArray:
        """Values of every action, ``(B, obs_dim) -> (B, action_count)``."""
        return self.q.values(observations)


def _make(spec: ClassSpec) -> Teacher:
    made: Teacher = TEACHERS.make(spec.name, spec.parameters)
    return made
