"""A teacher for data of one narrow policy, which say little of what it hardly ever did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt

from harness.core.arrays import BoolArray, Float64Array, FloatArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, QFunction
from harness.labels.closed_form import ClosedFormTeacher


class CautiousTeacher(ClosedFormTeacher):
    """The closed form with a lower bound over more draws, and no choice of what was hardly done.

    An action that too few rows take is never the best one, neither in the targets nor in what is
    taught: it is worth as much as the worst of the others. On data of one narrow policy the values
    of such actions are extrapolated, and a maximum picks what is extrapolated too high. Its
    parameters were chosen on seeds from 3000 on, see ``labels-tiers``.
    """

    name: ClassVar[str] = "cautious"

    draws: PositiveInt = 12
    caution: NonNegativeFloat = 2.0
    support: Annotated[float, Field(ge=0, lt=1)] = 0.02  # share of the rows that a choice takes

    def fit(self, transitions: Transitions, discount: float) -> FittedTeacher:
        """Fit every draw.

        Raises:
            InputError: If fewer than two actions have support.
        """
        fitted = super().fit(transitions, discount)
        return replace(fitted, learned=Supported(fitted.q, self.choices(transitions)))

    def choices(self, transitions: Transitions) -> BoolArray:
        """Return which actions have support, ``(action_count,)``.

        Raises:
            InputError: If fewer than two have.
        """
        shares = np.bincount(transitions.actions, transitions.shares, transitions.action_count)
        found: BoolArray = shares >= self.support
        if np.count_nonzero(found) < min(2, transitions.action_count):
            raise InputError(
                f"support {self.support:g} of teacher {self.name!r}: fewer than two actions are "
                f"taken in that share of the rows, the second most in {np.sort(shares)[-2]:.3g}; "
                "lower it"
            )
        return found

    def pack(self, q: QFunction) -> Mapping[str, NDArray[Any]]:
        """Return the arrays of the members, and which actions have support."""
        supported = cast(Supported, q)
        return {**super().pack(supported.q), "choices": supported.choices}

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> Supported:
        """Make the same Q-function again."""
        return Supported(super().unpack(arrays), arrays["choices"])


@dataclass(frozen=True, eq=False)
class Supported:
    """A Q-function by which actions without support are as bad as the worst of the others."""

    q: QFunction
    choices: BoolArray  # (action_count,)

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(N, obs_dim) -> (N, action_count)``."""
        values = self.q.values(observations)
        worst = values[:, self.choices].min(axis=1, keepdims=True)
        return np.where(self.choices, values, worst)
