"""Bellman-loss matching: Algorithm 2 of arXiv 2512.00536, for any features and predictors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from harness.arrays import Float64Array
from harness.cells import cell_weights, draw_stratified
from harness.distillation.domains import Box, Domain, Manifold, Relations
from harness.distillation.levenberg import Found
from harness.distillation.matching import GroupMatching, match_group
from harness.errors import InputError
from harness.features import Standardiser, draw_features
from harness.fitted_q import fit_q
from harness.predictors import (
    Actions,
    Predictors,
    StandardRows,
    bellman_losses,
    sample_around,
    sample_linear,
    sample_networks,
)
from harness.reduction import Reducer
from harness.transitions import BoolArray, FloatArray, IntArray, Transitions


class BellmanDistiller(Reducer):
    """Moves real rows until sampled predictors lose on them what they lose on the data.

    Terminated and other rows are matched apart. Actions, terminations and weights stay those of
    the rows that the search starts from. States are z-scored with the data's statistics. With
    additive features the first moments of s, s' and r are kept exactly as well.
    """

    name: ClassVar[str] = "bellman"

    predictors: PositiveInt = 100  # sampled pairs of predictor and reward scale
    law: Literal["gaussian", "localised", "network"] = "gaussian"
    features: str = "identity"  # φ₁, a name in `harness.features.FEATURE_MAPS`
    feature_count: PositiveInt = 100  # random features, or units of a network
    actions: Actions = "additive"  # how one-hot actions enter linear predictors
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    gaps: Literal["relative", "absolute"] = "relative"  # to each predictor's training loss, or not
    rewards: Literal["free", "fixed"] = "free"
    start: Literal["stratified", "random"] = "stratified"
    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # least share of terminated rows
    domain: Literal["box", "manifold"] = "box"
    iterations: PositiveInt = 100  # at most, in each group
    tolerance: Annotated[float, Field(ge=0)] = 1e-3  # least share by which a step must gain

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, dict[str, float]]:
        rows, weights = self._start(transitions, size, rng)
        start = transitions.take(rows, weights)
        data = Standardised.of(transitions)
        predictors = self._sample(transitions, data, rng)
        points = data.points[rows]
        diagnostics: dict[str, float] = {}
        for ended in np.unique(start.terminations):
            members = start.terminations == ended
            points[members], found = self._match(data, start, rows, members, predictors)
            prefix = "terminated_" if ended else ""
            diagnostics |= {f"{prefix}{key}": value for key, value in _outcome(found).items()}
        return data.restore(points, start), None, diagnostics

    def _start(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray]:
        if self.start == "stratified":
            return draw_stratified(transitions, size, self.terminated_share, rng)
        rows = np.sort(rng.choice(len(transitions), size, replace=False))
        return rows, cell_weights(transitions, rows)

    def _sample(
        self, transitions: Transitions, data: Standardised, rng: np.random.Generator
    ) -> Predictors:
        count, actions = transitions.action_count, self.actions
        if self.law == "network":
            d = transitions.obs_dim
            return sample_networks(d, count, self.feature_count, self.predictors, rng)
        features = draw_features(self.features, transitions.obs_dim, self.feature_count, rng)
        if self.law == "gaussian":
            return sample_linear(features, count, actions, self.predictors, rng)
        fitted = fit_q(data.rows, transitions.shares, features, count, actions, self.discount)
        values = fitted.values(data.rows.states)[
            np.arange(len(transitions)), 0, transitions.actions
        ]
        return sample_around(fitted, float(np.std(values)), actions, self.predictors, rng)

    def _match(
        self,
        data: Standardised,
        start: Transitions,
        rows: IntArray,
        members: BoolArray,
        predictors: Predictors,
    ) -> tuple[Float64Array, Found]:
        """Match the rows of one group; ``members`` are its rows in ``start``."""
        ended = bool(start.terminations[members][0])
        group = data.group(ended)
        shares = start.weights[members] / start.weights[members].sum()
        losses = bellman_losses(predictors, group.rows, group.shares[None], self.discount)[0]
        domain, means = self._domain(group, data.points[rows[members]], shares)
        matching = GroupMatching(
            predictors=predictors,
            actions=start.actions[members],
            discount=0.0 if ended else self.discount,
            shares=shares,
            losses=losses,
            units=_units(losses, self.gaps),
            means=means,
        )
        try:
            return match_group(matching, domain, self.iterations, self.tolerance)
        except FloatingPointError as error:
            raise InputError(
                f"Bellman {error}: losses must be finite; scale the data down"
            ) from error

    def _domain(
        self, group: Standardised, start: Float64Array, shares: Float64Array
    ) -> tuple[Domain, Float64Array | None]:
        fixed = np.array([-1] if self.rewards == "fixed" else [], dtype=np.int64)
        means = None
        if self.actions == "additive" and self.domain == "box":
            means = group.shares @ group.points
            means[fixed] = np.nan
        box = Box.around(group.points, start, shares, means, fixed)
        if self.domain == "box":
            return box, means
        relations = Relations.of(group.points, group.rows.states.shape[1])
        return Manifold(box, relations), means


@dataclass(frozen=True, eq=False)
class Standardised:
    """Transitions in units of their own spread."""

    standardiser: Standardiser
    reward_scale: float
    rows: StandardRows  # N rows
    points: Float64Array  # (N, 2 obs_dim + 1), [s, s', r] of the same rows
    shares: Float64Array  # (N,) weights that sum to one

    @classmethod
    def of(cls, transitions: Transitions) -> Standardised:
        """Z-score states; divide rewards by their standard deviation, or one if it is zero."""
        standardiser = Standardiser.fit(transitions)
        reward_scale = float(np.std(transitions.rewards, dtype=np.float64)) or 1.0
        rows = StandardRows(
            standardiser.apply(transitions.observations),
            transitions.actions,
            transitions.rewards.astype(np.float64) / reward_scale,
            standardiser.apply(transitions.next_observations),
            transitions.terminations,
        )
        points = np.column_stack([rows.states, rows.next_states, rows.rewards])
        return cls(standardiser, reward_scale, rows, points, transitions.shares)

    def group(self, terminated: bool) -> Standardised:
        """Only the rows that terminated, or only those that did not."""
        members = self.rows.terminated == terminated
        shares = self.shares[members] / self.shares[members].sum()
        rows, points = self.rows.take(members), self.points[members]
        return Standardised(self.standardiser, self.reward_scale, rows, points, shares)

    def restore(self, points: Float64Array, template: Transitions) -> Transitions:
        """Put points ``(M, 2 obs_dim + 1)`` into the template's rows, in the data's units."""
        d = template.obs_dim
        return Transitions(
            observations=self.standardiser.invert(points[:, :d]),
            actions=template.actions,
            rewards=points[:, -1] * self.reward_scale,
            next_observations=self.standardiser.invert(points[:, d : 2 * d]),
            terminations=template.terminations,
            weights=template.weights,
            action_count=template.action_count,
        )


def _units(losses: Float64Array, gaps: str) -> Float64Array:
    """What a gap of each predictor is measured in, ``(k,)``."""
    typical = float(losses.mean()) or 1.0
    if gaps == "absolute":
        return np.full(len(losses), typical)
    return np.maximum(losses, 1e-9 * typical)  # a loss of zero has no relative gap


def _outcome(found: Found) -> dict[str, float]:
    return {
        "loss_before": found.trace[0],
        "loss_after": found.trace[-1],
        "steps": float(len(found.trace) - 1),
        "rejected_steps": float(found.rejected),
    }
