"""Best-action labels: what peers store who keep states with the actions to imitate there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from harness.core.learner import ActorCritic
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, Labels, QFunction
from harness.labels.signal import action_gap


class BestActionLabels(Labels):
    """The teacher's best action in place of the recorded one, for behaviour cloning.

    The arm to compare advantage labels with: sets for cloning tell which action is best, not by how
    much. Under a codebook a learner of continuous actions imitates the vector of the best code,
    and without one the action of a teacher that is such a learner, as ``td3+bc``.
    Rewards, next states and terminations stay those of the recorded action, so that no Q-learner is
    to be trained on them.
    """

    name: ClassVar[str] = "best-action"
    takes_continuous: ClassVar[bool] = True

    def make(
        self,
        teacher: FittedTeacher,
        transitions: Transitions,
        discount: float,  # noqa: ARG002
    ) -> BestAction | ActorsAction:
        """Ask that some action be better than another."""
        action_gap(teacher, transitions, self.name)
        if transitions.is_continuous:
            return ActorsAction(teacher.actor)
        return BestAction(teacher.q)


@dataclass(frozen=True, eq=False)
class BestAction:
    """Takes the action of maximum value."""

    q: QFunction

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        """Nothing: there is no scale."""
        return {}

    def __call__(self, transitions: Transitions) -> Transitions:
        """Replace the actions of rows; of equal values the first action."""
        best = self.q.values(transitions.observations).argmax(axis=1)
        return replace(transitions, actions=best)


@dataclass(frozen=True, eq=False)
class ActorsAction:
    """Takes the action of an actor."""

    actor: ActorCritic

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        """Nothing: there is no scale."""
        return {}

    def __call__(self, transitions: Transitions) -> Transitions:
        """Replace the actions of rows."""
        return replace(transitions, actions=self.actor.act(transitions.observations))
