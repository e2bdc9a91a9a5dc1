"""Advantage-weight labels: rows as they were recorded, of which better ones weigh more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from pydantic import PositiveFloat

from harness.core.arrays import Float64Array
from harness.core.learner import ActorCritic
from harness.core.transitions import Transitions
from harness.labels.advantage import advantages
from harness.labels.base import FittedTeacher, Labels
from harness.labels.signal import action_gap


class AdvantageWeightLabels(Labels):
    """Weights times ``exp(A / τ)``, as in advantage-weighted regression (arXiv 1910.00177).

    For learners that imitate: rows are drawn by weight, so that what the teacher finds better than
    the mean action is imitated more. ``A`` is the advantage over that mean in units of the median
    gap between a state's best and worst action; of continuous actions it is the advantage over an
    actor's own action, in units of its median size. Actions and rewards stay as they were recorded.
    """

    name: ClassVar[str] = "advantage-weight"
    takes_continuous: ClassVar[bool] = True

    temperature: PositiveFloat = 0.25  # τ, in median gaps
    largest: PositiveFloat = 20.0  # factor of a weight

    def make(
        self,
        teacher: FittedTeacher,
        transitions: Transitions,
        discount: float,  # noqa: ARG002
    ) -> AdvantageWeight:
        """Take the unit of advantages from the dataset."""
        unit = self.temperature * action_gap(teacher, transitions, self.name)
        if transitions.is_continuous:
            return AdvantageWeight(partial(_advantages_over, teacher.actor), unit, self.largest)
        return AdvantageWeight(partial(advantages, teacher.q), unit, self.largest)


@dataclass(frozen=True, eq=False)
class AdvantageWeight:
    """Multiplies the weights of rows."""

    advantages: Callable[[Transitions], Float64Array]  # of the rows' actions, (N,)
    unit: float  # of advantages, one of which makes a weight e times as large
    largest: float

    @property
    def diagnostics(self) -> Mapping[str, Any]:
        """The scale of advantages."""
        return {"label_scale": 1 / self.unit}

    def __call__(self, transitions: Transitions) -> Transitions:
        """Weigh rows."""
        exponents = self.advantages(transitions) / self.unit
        factors = np.exp(np.minimum(exponents, np.log(self.largest)))
        weights = transitions.weights * np.maximum(factors, np.finfo(np.float64).tiny)
        return replace(transitions, weights=weights)


def _advantages_over(actor: ActorCritic, rows: Transitions) -> Float64Array:
    """Value of the action of each row, less that of the actor's, ``(N,)``."""
    states = rows.observations
    return actor.value_of(states, rows.actions) - actor.value_of(states, actor.act(states))
