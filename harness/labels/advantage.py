"""Advantage and action-value labels: episodes of one step that pay what the teacher fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import PositiveFloat

from harness.core.arrays import Float64Array
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, Labels, QFunction
from harness.labels.signal import action_gap


class AdvantageLabels(Labels):
    """The teacher's advantage over the mean action, paid at once: no bootstrapping is left.

    The reward becomes ``κ (A(s, a) - mean_a A(s, ·))`` and every row terminates, so that a learner
    of Q-values regresses the advantage, and the Bellman loss is the regression loss of Algorithm 1.
    With ``actions = "all"`` each state carries a row for every action in place of the recorded one.
    """

    name: ClassVar[str] = "advantage"

    gap: PositiveFloat = 100.0  # median difference between the best and the worst action
    actions: Literal["recorded", "all"] = "recorded"  # all: a row for every action of each state

    def rows_for(self, size: int, action_count: int) -> int:
        """Return the states that ``size`` rows have: a whole number of them has all actions."""
        if self.actions == "recorded":
            return size
        if size < action_count:
            raise InputError(
                f"size {size}: a row for every action of {action_count} needs that many rows for "
                "one state; raise the size, or label recorded actions"
            )
        return size // action_count

    def make(self, teacher: FittedTeacher, transitions: Transitions, discount: float) -> Advantage:  # noqa: ARG002
        """Take the scale from the dataset: the median gap between actions becomes ``gap``."""
        scale = self.gap / action_gap(teacher, transitions, self.name)
        return Advantage(teacher.q, scale, self.actions == "all")


class ActionValueLabels(AdvantageLabels):
    """Advantage labels with the state's value left in: the reward becomes ``κ Q(s, a)``.

    For methods that weight states by what they are worth. A learner would have to fit what is
    common to all actions before it sees what tells them apart.
    """

    name: ClassVar[str] = "action-value"

    def make(self, teacher: FittedTeacher, transitions: Transitions, discount: float) -> Advantage:
        """Take the scale from the dataset, as advantage labels do."""
        return replace(super().make(teacher, transitions, discount), centred=False)


@dataclass(frozen=True, eq=False)
class Advantage:
    """Pays the advantage of a row's action, or its value, and ends the episode."""

    q: QFunction
    scale: float  # κ
    every_action: bool
    centred: bool = True  # around the mean over a state's actions

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        """The scale."""
        return {"label_scale": self.scale}

    def __call__(self, transitions: Transitions) -> Transitions:
        """Label rows, each of which becomes one for every action where that is asked for."""
        rows = _for_every_action(transitions) if self.every_action else transitions
        return replace(
            rows,
            rewards=self.scale * advantages(self.q, rows, centred=self.centred),
            terminations=np.ones(len(rows), dtype=np.bool_),
        )


def advantages(q: QFunction, rows: Transitions, *, centred: bool = True) -> Float64Array:
    """Value of the action of each row, less the mean over all actions where centred, ``(N,)``."""
    values = q.values(rows.observations)
    taken: Float64Array = np.take_along_axis(values, rows.actions[:, None], axis=1)[:, 0]
    return taken - values.mean(axis=1) if centred else taken


def _for_every_action(transitions: Transitions) -> Transitions:
    """Repeat each row for every action, which share its weight; they form no episodes."""
    count = transitions.action_count
    rows = np.repeat(np.arange(len(transitions)), count)
    repeated = transitions.take(rows, transitions.weights[rows] / count)
    return replace(repeated, actions=np.tile(np.arange(count), len(transitions)))
