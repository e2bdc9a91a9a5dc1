"""A teacher that is any learner with a Q-function, averaged over training runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from pydantic import (
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
)

from harness.core.arrays import Float64Array, FloatArray
from harness.core.classes.specs import ClassSpec
from harness.core.errors import InputError
from harness.core.learner import ActorCritic, ContinuousPolicy, Learner, Policy, no_policy
from harness.core.rows import evenly_spaced, private_copy
from harness.core.seeding import derive_seed
from harness.core.transitions import Transitions
from harness.labels.averaged import AveragedActor, AveragedQ
from harness.labels.base import FittedTeacher, QFunction, Teacher, check_actor, check_values
from harness.learners.builtin import OFFLINE_LEARNERS

PROBES = 5000  # rows at which values are compared, at most


@dataclass(frozen=True, eq=False)
class CodedQ:
    """The Q-function of numbered actions whose values are those of their codes."""

    critic: ActorCritic
    codes: Float64Array  # (action_count, action_dim)

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every code, ``(N, obs_dim) -> (N, action_count)``."""
        repeated = (np.tile(code, (len(observations), 1)) for code in self.codes)
        return np.stack([self.critic.value_of(observations, one) for one in repeated], axis=1)


class LearnerTeacher(Teacher):
    """Averages the Q-values of one learner over seeds, less what they disagree by.

    For data on which the closed form fails and networks learn. Members are trained on the full
    transitions and differ in their seeds alone. Where the data hold no signal they still prefer
    what their random start prefers, unlike the closed form. A learner of continuous actions teaches
    the values of a codebook's codes, or without one its mean action beside the value of any.
    """

    name: ClassVar[str] = "learner"

    learner: ClassSpec = Field(default=ClassSpec(name="dqn"), validate_default=True)
    members: PositiveInt = 3  # training runs
    # standard deviations over members that values are lowered by; an actor's action is their mean
    caution: NonNegativeFloat = 0.0
    seed: NonNegativeInt = 0  # of all members

    @field_validator("learner")
    @classmethod
    def _parameters_are_complete(cls, spec: ClassSpec) -> ClassSpec:
        """Fill in the learner's defaults, for records; its discount is the run's if not given."""
        made: Learner = OFFLINE_LEARNERS.make(spec.name, spec.parameters)
        whole = made.model_dump(mode="json")
        if "discount" not in spec.parameters:
            whole.pop("discount", None)
        return ClassSpec(name=spec.name, parameters=whole)

    def make_learner(self, discount: float | None = None) -> Learner:
        """Build the learner; ``discount`` is passed on if it has one that is not given."""
        made: Learner = OFFLINE_LEARNERS.make(
            self.learner.name, self.learner.parameters, discount=discount
        )
        return made

    def parts(self) -> tuple[BaseModel, ...]:
        """Return itself and the learner."""
        return (self, self.make_learner())

    def check_actions(self, transitions: Transitions) -> None:
        """Refuse what the learner does not learn.

        Raises:
            InputError: If actions are continuous and it learns discrete ones, or the reverse.
        """
        learner = self.make_learner()
        if not learner.continuous:
            super().check_actions(transitions)
        learner.rows_for(transitions)

    def fit(self, transitions: Transitions, discount: float) -> FittedTeacher:
        """Train every member, one after another; importing libraries takes no part in the time.

        Raises:
            InputError: If the learner has no Q-values, or its values are not finite.
        """
        learner = self.make_learner(discount)
        learner.prepare()
        started = time.perf_counter()
        members = [self._train(learner, transitions, member) for member in range(self.members)]
        learned = average(members, self.caution)
        seconds = time.perf_counter() - started
        probes = transitions.take(evenly_spaced(len(transitions), PROBES))
        diagnostics = {
            "bellman_error": bellman_error(learned, probes, discount),
            "agreement": learned.agreement(probes.observations),
        }
        return FittedTeacher(learned, seconds, diagnostics)

    def _train(
        self, learner: Learner, transitions: Transitions, member: int
    ) -> QFunction | ActorCritic:
        """Train to the end; what lacks Q-values is refused at its first checkpoint."""
        seed = derive_seed("teacher", self.learner.name, self.seed, member)
        found: QFunction | ActorCritic | None = None
        rows = private_copy(learner.rows_for(transitions), type(learner))
        for trained in learner.fit(rows, seed):
            found = self._learned_by(trained.policy, transitions)
        if found is None:
            raise no_policy(self.learner.name)
        probes = transitions.observations[evenly_spaced(len(transitions), PROBES)]
        diverged = (
            "diverged as a teacher: its values must be finite; lower its learning rate or scale "
            "the dataset down"
        )
        subject = f"learner {self.learner.name!r}"
        if not transitions.is_continuous:
            check_values(
                cast(QFunction, found), probes, transitions.action_count, subject, diverged
            )
        else:
            check_actor(cast(ActorCritic, found), probes, transitions.action_dim, subject, diverged)
        return found

    def _learned_by(
        self, policy: Policy | ContinuousPolicy, transitions: Transitions
    ) -> QFunction | ActorCritic:
        if not transitions.is_continuous and isinstance(policy, QFunction):
            return policy
        if isinstance(policy, ActorCritic):
            if transitions.is_continuous:
                return policy
            if transitions.codes is not None:
                return CodedQ(policy, transitions.codes)
        raise InputError(
            f"learner {self.learner.name!r} cannot teach: its policies offer no Q-values (a method "
            "`values`, or `value_of` of continuous actions), which labels are made of; name one "
            "whose policies do, such as 'dqn'"
        )


def average(
    members: Sequence[QFunction | ActorCritic], caution: float
) -> AveragedQ | AveragedActor:
    """Average what members learned, all of them of numbered actions or all of continuous ones."""
    if isinstance(members[0], QFunction):
        return AveragedQ(cast(Sequence[QFunction], members), caution)
    return AveragedActor(cast(Sequence[ActorCritic], members), caution)


def bellman_error(
    learned: QFunction | ActorCritic, transitions: Transitions, discount: float
) -> float:
    """Return the share of the variance of Bellman targets that values leave unexplained.

    Targets are ``r + γ (1 - b) max_a Q(s', a)``, or of an actor's action at s', on rows that it was
    fitted to: an error of 1 is that of a constant, and a small one does not say that rows left out
    are met as well.

    Args:
        learned: Values in units of the rewards.
        transitions: Weighted rows.
        discount: γ.
    """
    taken, then = _values_at(learned, transitions)
    targets = transitions.rewards + discount * ~transitions.terminations * then
    shares = transitions.shares
    variance = float(shares @ (targets - shares @ targets) ** 2)
    return float(shares @ (targets - taken) ** 2) / variance if variance > 0 else 1.0


def _values_at(
    learned: QFunction | ActorCritic, transitions: Transitions
) -> tuple[Float64Array, Float64Array]:
    """Values of the actions taken, and of the best ones at the next states, ``(N,)`` each."""
    states, following = transitions.observations, transitions.next_observations
    if isinstance(learned, QFunction):
        values = learned.values(states)
        taken = np.take_along_axis(values, transitions.actions[:, None], axis=1)[:, 0]
        return taken, learned.values(following).max(axis=1)
    best = learned.act(following)
    return learned.value_of(states, transitions.actions), learned.value_of(following, best)
