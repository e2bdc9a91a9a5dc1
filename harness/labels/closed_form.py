"""The default teacher: closed-form fitted Q-iteration with a free level, averaged over features."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from threadpoolctl import threadpool_limits

from harness.core.arrays import Float64Array, FloatArray
from harness.core.rows import evenly_spaced
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, Teacher
from harness.numerics.features import KernelFeatures
from harness.numerics.level_free_q import LevelFreeFit, fit_level_free_q
from harness.numerics.predictors import LinearPredictors
from harness.numerics.standardising import Standardiser, standard_rows

PROBES = 5000  # states at which draws are compared, at most


class ClosedFormTeacher(Teacher):
    """Averages Q-functions over draws of random features, less what they disagree by.

    Takes seconds and no gradient step. Its parameters are those of a prototype, chosen on seeds
    that no suite reports (3000 and up). Values are not clipped to the range of returns: their level
    overshoots while their differences are right, and clipping would make ties of them.
    """

    name: ClassVar[str] = "closed-form"

    feature_count: PositiveInt = 300
    ridge: PositiveFloat = 1e-3  # for each unit of weight that a regression sees
    draws: PositiveInt = 3  # of the features
    iterations: PositiveInt = 150
    caution: NonNegativeFloat = 0.0  # standard deviations over draws that values are lowered by
    seed: NonNegativeInt = 0  # of the features

    def fit(self, transitions: Transitions, discount: float) -> FittedTeacher:
        """Fit every draw; on one thread, for threads would change the last digits."""
        started = time.perf_counter()
        standardiser = Standardiser.fit(transitions)
        rows = standard_rows(transitions, standardiser, reward_scale=1.0)
        with threadpool_limits(1):
            fits = [
                fit_level_free_q(
                    rows,
                    transitions.shares,
                    KernelFeatures.draw(
                        transitions.obs_dim,
                        self.feature_count,
                        stream("teacher", self.seed, draw),
                    ),
                    transitions.action_count,
                    discount,
                    self.ridge,
                    self.iterations,
                )
                for draw in range(self.draws)
            ]
            q = AveragedQ(standardiser, tuple(fit.q for fit in fits), self.caution)
            diagnostics = _describe(q, fits, transitions)
        return FittedTeacher(q, time.perf_counter() - started, diagnostics)


@dataclass(frozen=True, eq=False)
class AveragedQ:
    """Mean over several Q-functions, less a number of their standard deviations."""

    standardiser: Standardiser
    members: Sequence[LinearPredictors]  # of one predictor each
    caution: Annotated[float, Field(ge=0)]

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(N, obs_dim) -> (N, action_count)``."""
        each = self.each(observations)
        means: Float64Array = each.mean(axis=0)
        return means - self.caution * each.std(axis=0) if self.caution else means

    def each(self, observations: FloatArray) -> Float64Array:
        """Values of every member, ``(draws, N, action_count)``."""
        states = self.standardiser.apply(observations)
        return np.stack([member.values(states)[:, 0] for member in self.members])


def _describe(
    q: AveragedQ, fits: Sequence[LevelFreeFit], transitions: Transitions
) -> dict[str, float]:
    """Say what the data alone tell of a teacher."""
    probes = evenly_spaced(len(transitions), PROBES)
    each = q.each(transitions.observations[probes])
    advantages = each - each.mean(axis=2, keepdims=True)
    return {
        "left_out_error": float(np.mean([fit.left_out_error for fit in fits])),
        "agreement": _agreement(advantages),
    }


def _agreement(advantages: Float64Array) -> float:
    """Mean correlation between the advantages of two draws; 1 where there is one draw."""
    flat = advantages.reshape(len(advantages), -1)
    sizes = np.linalg.norm(flat, axis=1)
    found = [
        float(flat[i] @ flat[j] / max(sizes[i] * sizes[j], np.finfo(float).tiny))
        for i, j in combinations(range(len(flat)), 2)
    ]
    return float(np.mean(found)) if found else 1.0
