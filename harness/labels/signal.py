"""Signal: what tells one action from another, and data from which it was taken.

A method is credited only with what it scores beyond its control: ridge regression that penalises
the level of values solves classic control from such data (the survival instinct of Li et al.,
NeurIPS 2023).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.core.classes.specs import Control
from harness.core.errors import InputError
from harness.core.rows import evenly_spaced
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher

PROBES = 20_000  # states at which a scale is taken, at most
NO_GAP = 1e-6  # of the spread of values: actions that differ by less do not differ


def without_signal(
    transitions: Transitions, control: Control, rng: np.random.Generator
) -> Transitions:
    """Take out what tells one action from another; states, actions and episodes stay.

    Args:
        transitions: The data.
        control: ``constant``: no row terminates and every reward is the weighted mean;
            ``permuted``: rows exchange their pairs of reward and termination at random, which
            keeps how often each occurs. Both go together, for either alone may tell everything.
        rng: Draws the permutation.
    """
    if control == "constant":
        mean = float(transitions.shares @ transitions.rewards)
        rewards = np.full_like(transitions.rewards, mean)
        return replace(transitions, rewards=rewards, terminations=np.zeros(len(rewards), np.bool_))
    order = rng.permutation(len(transitions))
    return replace(
        transitions,
        rewards=transitions.rewards[order],
        terminations=transitions.terminations[order],
    )


class NoSignalError(InputError):
    """Nothing in the data tells one action from another."""


def check_signal(transitions: Transitions, labels: str | None) -> None:
    """Refuse data in which nothing tells one action from another.

    Args:
        transitions: The full dataset.
        labels: Name of the labels that would tell it; None: policies are to be judged by it.

    Raises:
        InputError: If every row takes the same action.
        NoSignalError: If no row terminates and every reward is the same.
    """
    actions = transitions.actions
    if (actions == actions[0]).all():
        raise _refused(
            InputError,
            labels,
            f"rows have 1 action, {actions[0]}, where several must be told apart",
        )
    rewards = transitions.rewards
    if not transitions.terminations.any() and (rewards == rewards[0]).all():
        raise _refused(
            NoSignalError,
            labels,
            "the dataset holds no signal, for no row terminates and every reward is "
            f"{rewards[0]:g}",
        )


def _refused(kind: type[InputError], labels: str | None, why: str) -> InputError:
    """Build the error of data that tell nothing."""
    if labels is None:
        return kind(f"nobody can judge policies: {why}; use other data or judge none")
    return kind(f"labels {labels!r}: {why}; use recorded labels or other data")


def action_gap(teacher: FittedTeacher, transitions: Transitions, labels: str | None) -> float:
    """Median over the dataset's states of the largest minus the smallest action value.

    Continuous actions have no smallest value: of those it is the median difference between the
    values of an actor's action and of the recorded one.

    Args:
        teacher: Fitted to the full dataset.
        transitions: The full dataset.
        labels: As of `check_signal`.

    Raises:
        InputError: If every row takes the same action.
        NoSignalError: If the dataset holds no signal, or the teacher finds no action better than
            another: then there is nothing to tell.
    """
    check_signal(transitions, labels)
    probes = evenly_spaced(len(transitions), PROBES)
    states = transitions.observations[probes]
    if transitions.is_continuous:
        both = (transitions.actions[probes], teacher.actor.act(states))
        values = np.stack([teacher.actor.value_of(states, one) for one in both], axis=1)
    else:
        values = teacher.q.values(states)
    gap = float(np.median(np.ptp(values, axis=1)))
    if not gap > NO_GAP * float(values.std()):
        raise _refused(
            NoSignalError,
            labels,
            "the teacher finds no action better than another, for rewards and terminations tell "
            "nothing",
        )
    return gap
