"""Forward selection: rows from which kernel regression of the rewards fails least on the data."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import InputError
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.numerics.forward_selection import Selection, select_forward
from harness.numerics.kernels import KERNELS
from harness.numerics.standardising import Standardiser

KernelName = Literal["linear", "network", "raw-network", "gaussian", "laplace"]


class ForwardSelection(Reducer[Transitions]):
    """Select rows greedily so that kernel ridge regression of the rewards from them fails least.

    Each row in turn is the one that most lowers the squared error over the candidates, a random
    part of the data. Regression is for each action apart, as by networks with an output for each
    action, and on z-scored states; ``raw-network`` is the network's kernel on the states as they
    are, in whose units the learners' networks see them. Under several kernels the relative
    decreases of their errors are added, for no kernel is what a learner does. Rows have equal
    weights.

    It is meant for advantage labels that are given *before* reducing (``when = "before"``): then
    rewards are the fitted advantages, and nothing is bootstrapped. On labels for all actions it
    chooses among pairs of state and action. Rewards as recorded, whatever follows them, are
    regressed as well, which says little about acting.

    Memory is that of a kernel matrix of the candidates for each kernel.
    """

    name: ClassVar[str] = "forward-selection"

    kernels: Annotated[tuple[KernelName, ...], Field(min_length=1)] = get_args(KernelName)
    ridge: PositiveFloat = 1e-2  # in units of the mean of a kernel's diagonal
    candidates: PositiveInt = 1000  # rows drawn, among which to choose and on which to be judged

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        if size > self.candidates:
            raise InputError(
                f"size {size}: forward selection chooses among {self.candidates} candidates; "
                "lower the size, or raise candidates"
            )
        count = min(self.candidates, len(transitions))
        drawn = rng.choice(len(transitions), count, replace=False)
        standardiser = Standardiser.fit(transitions)
        found = self._select(transitions.take(drawn), standardiser, size)
        kept = drawn[found.rows]
        diagnostics = {
            f"{name}_error".replace("-", "_"): float(error)
            for name, error in zip(self.kernels, found.errors, strict=True)
        }
        return transitions.take(kept, np.ones(size)), kept, diagnostics

    def _select(self, candidates: Transitions, standardiser: Standardiser, size: int) -> Selection:
        raw = candidates.observations.astype(np.float64)
        standard = standardiser.apply(raw)
        groups = [np.flatnonzero(candidates.actions == a) for a in np.unique(candidates.actions)]
        return select_forward(
            [[_kernel(name, raw[g], standard[g]) for name in self.kernels] for g in groups],
            groups,
            candidates.rewards.astype(np.float64),
            candidates.shares,
            size,
            self.ridge,
        )


def _kernel(name: KernelName, raw: Float64Array, standard: Float64Array) -> Float64Array:
    """Kernel matrix of states ``(n, d)``, given raw and z-scored."""
    if name == "raw-network":
        return KERNELS["network"](raw, raw)
    return KERNELS[name](standard, standard)
