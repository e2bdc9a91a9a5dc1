"""Pilot selection: rows on which small networks, trained on nothing else, act well on all data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import FloatArray, IntArray
from harness.core.computing.compiling import check_compiler_installed
from harness.core.errors import InputError
from harness.core.reduction import Diagnostics, Reducer
from harness.core.rows import evenly_spaced
from harness.core.transitions import Transitions
from harness.numerics.action_worth import tabulate_worth
from harness.numerics.stratification import draw_by_weight

if TYPE_CHECKING:
    from harness.numerics.q_networks.pilots import Exam

MOST_ROWS = 1000  # on all of which hundreds of selections' pilots are trained


class PilotSelection(Reducer[Transitions]):
    """Select rows from which pilot networks learn to act well at the states of the whole dataset.

    A pilot is a small network with its own initial weights that regresses the rewards of the
    selected rows, an output an action, for some hundred full gradient steps. What a selection is
    worth is what the greedy actions of its pilots lose at evenly spaced states of the data: the
    estimated regret, averaged over pilots. The best of random selections, stratified by action, is
    improved by exchanging single rows as long as trials last. No environment is seen, and no
    learner: pilots have initial weights of their own.

    It is meant for advantage labels of every action, given *before* reducing (``labels = { name =
    "advantage", when = "before", parameters = { actions = "all" } }``): then the regret is exact
    for the teacher, and pairs of state and action are selected. On labels of recorded actions the
    others count as worth the mean action, zero. Rewards as recorded say little about acting.
    """

    name: ClassVar[str] = "pilot-selection"

    pilots: PositiveInt = 8  # networks that each selection is judged by
    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    steps: PositiveInt = 300  # gradient steps of each
    learning_rate: PositiveFloat = 5e-3  # initial, with cosine decay to zero
    trials: PositiveInt = 400  # selections that are judged: a quarter at random, then exchanges
    states: PositiveInt = 1000  # at which pilots act, at most

    def check_usable(self, transitions: Transitions) -> None:  # noqa: ARG002
        """Check that Numba is installed.

        Raises:
            InputError: If it is missing.
        """
        check_compiler_installed("method 'pilot-selection'")

    def prepare(self) -> None:
        """Import Numba and compile: seconds the first time, which are no part of a reduction."""
        from harness.numerics.q_networks import pilots

        pilots.prepare()

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        self.check_usable(transitions)
        if size > MOST_ROWS:
            raise InputError(
                f"size {size}: pilot selection trains networks on every selection, of at most "
                f"{MOST_ROWS} rows; lower the size, or choose another method"
            )
        trials = _Trials(self, transitions, rng)
        kept = trials.draw(size)
        initial = least = trials.judge(kept, np.inf)
        for trial in range(1, self.trials):
            if least == 0:  # nothing is lost: by good pilots, or where no action is better
                break
            drawn = trials.draw(size) if trial < self.trials / 4 else trials.exchange(kept)
            found = trials.judge(drawn, least)
            if found < least:
                kept, least = drawn, found
        kept.sort()
        diagnostics = {"regret": least, "regret_at_random": initial}
        return transitions.take(kept, np.ones(size)), kept, diagnostics


class _Trials:
    """Draws selections and judges them."""

    def __init__(
        self, settings: PilotSelection, transitions: Transitions, rng: np.random.Generator
    ) -> None:
        from harness.numerics.q_networks.layers import Shape  # imports Numba
        from harness.numerics.q_networks.pilots import draw_pilots
        from harness.numerics.q_networks.steps import cosine_rates

        self._rng = rng
        self._rows = transitions
        self._totals = np.cumsum(transitions.shares)
        self._scale = scale_of(transitions.rewards)
        self._exam = make_exam(transitions, settings.states)
        self._shape = Shape.of(transitions.obs_dim, settings.hidden_units, transitions.action_count)
        self._pilots = draw_pilots(self._shape, settings.pilots, rng)
        self._rates = cosine_rates(
            settings.learning_rate, settings.steps, np.arange(settings.steps)
        )

    def draw(self, size: int) -> IntArray:
        """Draw distinct rows by weight, stratified by action and termination, ``(size,)``."""
        return draw_by_weight(self._rows, size, self._rng)

    def exchange(self, kept: IntArray) -> IntArray:
        """Exchange one of the rows for another of the dataset, drawn by weight."""
        changed = kept.copy()
        drawn = np.searchsorted(self._totals, self._rng.random() * self._totals[-1], side="right")
        if drawn not in kept:
            changed[self._rng.integers(len(kept))] = drawn
        return changed

    def judge(self, kept: IntArray, limit: float) -> float:
        """Mean of what pilots trained on these rows lose; infinity if it exceeds the limit."""
        from harness.numerics.q_networks.pilots import examine, regressed

        rewards = self._rows.rewards[kept] / self._scale
        rows = regressed(self._rows.observations[kept], self._rows.actions[kept], rewards)
        return examine(self._pilots, self._shape, rows, self._rates, self._exam, limit)


def scale_of(rewards: FloatArray) -> float:
    """Return what rewards are divided by: then the better of two actions is one above the other.

    Advantages over the mean of two actions are half the gap between them.
    """
    paid = np.abs(rewards[rewards != 0])
    return 2 * float(np.median(paid)) if len(paid) else 1.0


def make_exam(transitions: Transitions, states: int) -> Exam:
    """Find what every action loses at evenly spaced states, in units of `scale_of`."""
    from harness.numerics.q_networks.pilots import Exam

    first, worth = tabulate_worth(transitions)
    chosen = evenly_spaced(len(worth), states)
    losses = worth.max(axis=1, keepdims=True) - worth
    return Exam(
        np.array(transitions.observations[first[chosen]], np.float32, order="C"),
        losses[chosen] / scale_of(transitions.rewards),
    )
