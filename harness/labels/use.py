"""The use of a policy as far as data alone tell it: what a teacher of all the data says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Float64Array, FloatArray
from harness.core.errors import InputError
from harness.core.learner import ContinuousPolicy, Policy
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
        if teacher.refuted:
            raise InputError(
                f"teacher with an error of {teacher.error:.2f} of the variance of its targets: to "
                "judge a policy it must be below 1; name another teacher or add data"
            )
        gap = action_gap(teacher, transitions, None)
        rows = evenly_spaced(len(transitions), STATES)
        states = transitions.observations[rows]
        values = teacher.q.values(states)
        losses = (values.max(axis=1, keepdims=True) - values) / gap
        return cls(states, transitions.weights[rows].astype(np.float64), losses)

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
        parts = np.array_split(self.states, -(-len(self.states) // BATCH))
        chosen = np.concatenate([self._checked(policy.act(part.copy()), part) for part in parts])
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

    def _checked(self, actions: Any, states: FloatArray) -> NDArray[np.int64]:
        array, count = np.asarray(actions), self.losses.shape[1]
        integers = array.dtype.kind in "iu" and array.shape == (len(states),)
        if not integers or array.min() < 0 or array.max() >= count:
            raise InputError(
                f"the policy returned {array.dtype} of shape {array.shape} for {len(states)} "
                f"observations: act returns an integer of 0..{count - 1} for each; correct the "
                "learner's policy"
            )
        return array.astype(np.int64)
