"""The default teacher: closed-form fitted Q-iteration with a free level, averaged over features."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from harness.core.arrays import BoolArray
from harness.core.rows import evenly_spaced
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.labels.averaged import AveragedQ
from harness.labels.base import FittedTeacher, QFunction, Teacher
from harness.learners.linear_fqi import GreedyLinearPolicy
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
        """Fit every draw."""
        started = time.perf_counter()
        standardiser = Standardiser.fit(transitions)
        rows = standard_rows(transitions, standardiser, reward_scale=1.0)
        choices = self.choices(transitions)
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
                choices,
            )
            for draw in range(self.draws)
        ]
        members = [GreedyLinearPolicy(fit.q, standardiser) for fit in fits]
        q = AveragedQ(members, self.caution)
        diagnostics = _describe(q, fits, transitions)
        return FittedTeacher(q, time.perf_counter() - started, diagnostics)

    def choices(self, transitions: Transitions) -> BoolArray:
        """Return which actions the best one is among, ``(action_count,)``: all of them."""
        return np.ones(transitions.action_count, dtype=np.bool_)

    def pack(self, q: QFunction) -> Mapping[str, NDArray[Any]]:
        """Return the arrays of the members, stacked, and of the standardiser that they share."""
        members = cast(Sequence[GreedyLinearPolicy], cast(AveragedQ, q).members)
        waves = [cast(KernelFeatures, member.fitted.features) for member in members]
        return {
            "mean": members[0].standardiser.mean,
            "scale": members[0].standardiser.scale,
            "frequencies": np.stack([features.frequencies for features in waves]),
            "phases": np.stack([features.phases for features in waves]),
            "weights": np.stack([member.fitted.weights for member in members]),
            "offsets": np.stack([member.fitted.offsets for member in members]),
        }

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> QFunction:
        """Make the same Q-function again."""
        standardiser = Standardiser(arrays["mean"], arrays["scale"])
        fitted = [
            LinearPredictors(KernelFeatures(frequencies, phases), weights, offsets, np.ones(1))
            for frequencies, phases, weights, offsets in zip(
                *(arrays[name] for name in ("frequencies", "phases", "weights", "offsets")),
                strict=True,
            )
        ]
        return AveragedQ([GreedyLinearPolicy(one, standardiser) for one in fitted], self.caution)


def _describe(
    q: AveragedQ, fits: Sequence[LevelFreeFit], transitions: Transitions
) -> dict[str, float]:
    """Say what the data alone tell of a teacher."""
    probes = transitions.observations[evenly_spaced(len(transitions), PROBES)]
    return {
        "left_out_error": float(np.mean([fit.left_out_error for fit in fits])),
        "agreement": q.agreement(probes),
    }
