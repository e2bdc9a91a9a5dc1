"""Moved points: states placed freely, with the rewards that the data have there."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy.optimize
from pydantic import PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import InputError
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.distillation.solvers.domains import Neighbourhoods
from harness.distillation.solvers.interpolation import Interpolation
from harness.distillation.solvers.kernel_regret import KernelRegret
from harness.numerics.standardising import Standardiser
from harness.numerics.stratification import draw_by_weight

MOST_ROWS = 1000  # for all of which every step solves a regression
INTERPOLATED = 1000  # rows of each action that rewards are interpolated from, at most
SUPPORT = 30_000  # rows that points are kept near, at most


class MovedPoints(Reducer[Transitions]):
    """Move labelled states until kernel regression from them acts well on the data.

    Rows that are drawn by weight, stratified by action, are where points begin; their actions stay.
    A point is paid what the data pay there, by interpolation of the rewards of its action. Points
    descend, by L-BFGS and exact derivatives, on what is lost at states of the data by a policy that
    is softly greedy for kernel ridge regression from the points, with the tangent kernel of wide
    networks on states in the units of the data. They stay near real states: each moves along the
    principal axes of its nearest ones and no farther than they reach, from where the next round
    goes on with the nearest ones of the new place. All points have equal weights. No network is
    trained, and no environment seen.

    It is meant for advantage labels that are given *before* reducing (``when = "before"``): then
    the regret is the teacher's. Rewards as recorded say little about acting. Next states stay those
    of the rows where points began.
    """

    name: ClassVar[str] = "moved-points"

    ridge: PositiveFloat = 1e-2  # in units of the mean of the kernel's diagonal
    temperature: PositiveFloat = 0.1  # of the policy, in mean gaps of best and worst action
    neighbours: PositiveInt = 200  # real states that a point is kept among
    rounds: PositiveInt = 3  # after each of which neighbours are found anew
    iterations: PositiveInt = 60  # of L-BFGS in each round
    states: PositiveInt = 500  # drawn from the data, at which actions are judged

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        if size > MOST_ROWS:
            raise InputError(
                f"size {size}: moved points solve a regression at every step, from at most "
                f"{MOST_ROWS} rows; lower the size, or choose another method"
            )
        template = transitions.take(draw_by_weight(transitions, size, rng), np.ones(size))
        search = _Search(self, transitions, template.actions, rng)
        begun = points = search.standardiser.apply(template.observations)
        for _ in range(self.rounds):
            points = search.descend(points)
        diagnostics = {
            "kernel_regret": search.lost(points),
            "kernel_regret_at_start": search.lost(begun),
            "moved": float(np.linalg.norm(points - begun, axis=1).mean()),
        }
        return search.place(points, template), None, diagnostics


class _Search:
    """Moves z-scored points ``(m, d)``."""

    def __init__(
        self,
        settings: MovedPoints,
        transitions: Transitions,
        actions: IntArray,
        rng: np.random.Generator,
    ) -> None:
        self.standardiser = Standardiser.fit(transitions)
        self._settings = settings
        self._actions = actions
        self._observed = transitions.observations.min(axis=0), transitions.observations.max(axis=0)
        self._paid = float(transitions.rewards.min()), float(transitions.rewards.max())
        near = rng.choice(len(transitions), min(SUPPORT, len(transitions)), replace=False)
        self._support = self.standardiser.apply(transitions.observations[near])
        self._rewards = Interpolation.fit(
            self.standardiser.apply(transitions.observations),
            transitions.actions,
            transitions.rewards.astype(np.float64),
            transitions.action_count,
            INTERPOLATED,
            rng,
        )
        count = min(settings.states, len(transitions))
        drawn = rng.choice(len(transitions), count, replace=False, p=transitions.shares)
        states = transitions.observations[drawn].astype(np.float64)
        worth = self._rewards.table(self.standardiser.apply(states))
        self._regret = KernelRegret(states, worth, actions, settings.ridge, settings.temperature)

    def descend(self, points: Float64Array) -> Float64Array:
        """Move points as far as the nearest real states of each allow."""
        domain = Neighbourhoods.around(
            self._support,
            np.zeros(len(self._support), np.int64),  # of one kind: any action can be taken anywhere
            points,
            np.zeros(len(points), np.int64),
            self._settings.neighbours,
            fixed=np.zeros(0, np.int64),
        )

        def evaluate(coordinates: Float64Array) -> tuple[float, Float64Array]:
            places = domain.points(coordinates)
            rewards, slopes = self._rewards.slopes(places, self._actions)
            lost = self._regret.evaluate(self.standardiser.invert(places), rewards)
            moves = lost.by_points * self.standardiser.scale + lost.by_rewards[:, None] * slopes
            return lost.regret, domain.vector_jacobian(coordinates, moves[None])[0]

        found = scipy.optimize.minimize(
            evaluate,
            domain.start,
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack([domain.low, domain.high]),
            options={"maxiter": self._settings.iterations},
        )
        return self.standardiser.apply(self._observe(domain.points(found.x)))

    def lost(self, points: Float64Array) -> float:
        """Regret of the greedy policy, in mean gaps."""
        rewards, _ = self._rewards.slopes(points, self._actions)
        return self._regret.greedy(self.standardiser.invert(points), rewards)

    def place(self, points: Float64Array, template: Transitions) -> Transitions:
        """Replace the template's states and rewards by those of points, within the data's range."""
        rewards, _ = self._rewards.slopes(points, self._actions)
        return replace(
            template,
            observations=self._observe(points),
            rewards=np.clip(rewards, *self._paid),
            next_observations=template.next_observations.astype(np.float64),
            episodes=None,
        )

    def _observe(self, points: Float64Array) -> Float64Array:
        """Points in the units of the data, within its range."""
        observations: Float64Array = np.clip(self.standardiser.invert(points), *self._observed)
        return observations
