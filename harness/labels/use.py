"""The use of a policy as far as data alone tell it: what a teacher of all the data says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Float64Array, FloatArray
from harness.core.errors import InputError
from harness.core.learner import ActorCritic, ContinuousPolicy, Policy
from harness.core.records import Use
from harness.core.rows import evenly_spaced
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher
from harness.labels.signal import action_gap

STATES = 5000  # at which policies act, at most
BATCH = 1000  # states that a policy is given at once: one may compare them with all its rows


@dataclass(frozen=True, eq=False)
class Judge:
    """What a teacher loses by each action at states of the full dataset."""

    states: FloatArray  # (M, obs_dim)
    weights: Float64Array  # (M,) of the rows that they are of
    losses: Float64Array  # (M, action_count) best value minus the action's, over the action gap

    @classmethod
    def of(cls, teacher: FittedTeacher, transitions: Transitions) -> Self:
        """Evaluate the actions at evenly spaced states, at most ``STATES``.

        Args:
            teacher: Fitted to the full dataset as it was recorded.
            transitions: The full dataset.

        Raises:
            InputError: If the dataset holds no signal, the teacher finds no action better than
                another, or its own data refute it: such a teacher cannot judge.
        """
        rows, gap = _rows_and_gap(teacher, transitions)
        values = teacher.q.values(rows.observations)
        losses = (values.max(axis=1, keepdims=True) - values) / gap
        return cls(rows.observations, rows.weights.astype(np.float64), losses)

    def assess(self, policy: Policy | ContinuousPolicy) -> Use:
        """Estimate a policy's regret, and how often it acts as the teacher does.

        The regret is ``E_s[max_a A(s, a) - A(s, π(s))]``, weighted as the rows are, with the
        teacher's advantage ``A`` in units of its median action gap (`action_gap`), so that
        datasets of other rewards compare: 0 is the teacher's own, 1 loses a whole gap at every
        step. An action that the teacher values as much as its own counts as its own.

        Args:
            policy: Maps observations to discrete actions, codes where actions are continuous.

        Raises:
            InputError: If the policy returns anything but an action for each observation.
        """
        chosen = _act(policy, self.states, self._checked)
        lost = self.losses[np.arange(len(chosen)), chosen]
        return Use(
            regret=float(np.average(lost, weights=self.weights)),
            agreement=float(np.average(lost == 0, weights=self.weights)),
        )

    @property
    def of_random(self) -> Use:
        """What actions at random, each as likely, are expected to have."""
        return Use(
            regret=float(np.average(self.losses.mean(axis=1), weights=self.weights)),
            agreement=float(np.average((self.losses == 0).mean(axis=1), weights=self.weights)),
        )

    def _checked(self, actions: Any, states: int) -> NDArray[np.int64]:
        array, count = np.asarray(actions), self.losses.shape[1]
        integers = array.dtype.kind in "iu" and array.shape == (states,)
        if not integers or array.min() < 0 or array.max() >= count:
            raise _no_actions(array, states, f"an integer of 0..{count - 1}")
        return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class ActorJudge:
    """What an actor's critic finds lost by continuous actions at states of the full dataset."""

    actor: ActorCritic
    rows: Transitions  # (M,) whose states policies act at
    gap: float  # unit of regret, in units of the rewards

    @classmethod
    def of(cls, teacher: FittedTeacher, transitions: Transitions) -> Self:
        """Keep evenly spaced rows, at most ``STATES``; arguments and errors as of `Judge.of`."""
        return cls(teacher.actor, *_rows_and_gap(teacher, transitions))

    def assess(self, policy: Policy | ContinuousPolicy) -> float:
        """Estimate a policy's regret.

        The regret is ``E_s[Q(s, μ(s)) - Q(s, π(s))]`` for the actor ``μ``, weighted as the rows
        are, in units of the median action gap (`action_gap`). It is below 0 where the critic
        prefers the policy to its own actor.

        Args:
            policy: Maps observations to vectors of actions.

        Raises:
            InputError: If the policy returns anything but a finite vector for each observation.
        """
        return self._regret(_act(policy, self.rows.observations, self._checked))

    @property
    def of_recorded(self) -> float:
        """The regret of the actions that the rows took."""
        return self._regret(self.rows.actions)

    def _regret(self, actions: FloatArray) -> float:
        states, value_of = self.rows.observations, self.actor.value_of
        lost = value_of(states, self.actor.act(states)) - value_of(states, actions)
        return float(self.rows.shares @ lost) / self.gap

    def _checked(self, actions: Any, states: int) -> FloatArray:
        array, dim = np.asarray(actions), self.rows.action_dim
        vectors = array.dtype.kind in "iuf" and array.shape == (states, dim)
        if not vectors or not np.isfinite(array).all():
            raise _no_actions(array, states, f"a vector of {dim} finite numbers")
        return array


def _rows_and_gap(teacher: FittedTeacher, transitions: Transitions) -> tuple[Transitions, float]:
    """Return the rows at whose states policies act, and the unit of what they lose.

    Raises:
        InputError: As `Judge.of` says.
    """
    if teacher.refuted:
        raise InputError(
            f"teacher with an error of {teacher.error:.2f} of the variance of its targets: to "
            "judge a policy it must be below 1; name another teacher or add data"
        )
    gap = action_gap(teacher, transitions, None)
    return transitions.take(evenly_spaced(len(transitions), STATES)), gap


def _act(
    policy: Policy | ContinuousPolicy,
    states: FloatArray,
    checked: Callable[[Any, int], NDArray[Any]],
) -> NDArray[Any]:
    """Let a policy act at states, a batch at once, and join its actions as they were checked."""
    parts = np.array_split(states, -(-len(states) // BATCH))
    return np.concatenate([checked(policy.act(part.copy()), len(part)) for part in parts])


def _no_actions(found: NDArray[Any], states: int, rule: str) -> InputError:
    """Build the error of a policy that returned something else than actions."""
    return InputError(
        f"the policy returned {found.dtype} of shape {found.shape} for {states} observations: act "
        f"returns {rule} for each; correct the learner's policy"
    )
