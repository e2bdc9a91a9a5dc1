"""Bellman-loss matching: Algorithm 2 of arXiv 2512.00536, for any features and Q-functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from harness.core.arrays import BoolArray, Float64Array, IntArray
from harness.core.errors import InputError
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.distillation.exact import ExactDistiller
from harness.distillation.solvers.domains import Box, Domain, Manifold, Neighbourhoods, Relations
from harness.distillation.solvers.group_matching import GroupMatching, match_group
from harness.distillation.solvers.levenberg_marquardt import SearchResult
from harness.numerics.features import draw_features
from harness.numerics.fitted_q import fit_q
from harness.numerics.predictors import (
    Actions,
    Predictors,
    bellman_losses,
    sample_around,
    sample_linear,
    sample_networks,
)
from harness.numerics.standardising import Standardised
from harness.numerics.stratification import cell_weights, draw_stratified


class BellmanDistiller(Reducer[Transitions]):
    """Optimise transitions so that k sampled Q-functions have the Bellman loss of the full dataset.

    Losses are matched separately on terminated and other transitions. Actions, terminations and
    weights stay those of the initial rows. States are z-scored with the dataset's statistics. With
    additive features in the domain ``box`` the means of s, s' and of free rewards are matched
    exactly as well; in the other domains they are not.

    Distributions of Q-functions (``law``): ``gaussian``, linear with a Gaussian reward scale λ, as
    in the paper; ``gaussian-unit``, the same with every λ equal to one; ``localised``, around the
    Q-function that fitted Q-iteration finds on the dataset; ``network``, random networks.
    """

    name: ClassVar[str] = "bellman"
    cache_version: ClassVar[int] = 2  # 1: rounding errors decided which variables moved

    predictors: PositiveInt = 100  # k, sampled pairs of Q-function and reward scale
    law: Literal["gaussian", "gaussian-unit", "localised", "network"] = "gaussian"
    features: str = "identity"  # φ₁, a name in `harness.numerics.features.FEATURE_MAPS`
    feature_count: PositiveInt = 100  # random features, or units of a network
    actions: Actions = "additive"  # how one-hot actions enter linear Q-functions
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    gaps: Literal["relative", "absolute"] = "relative"  # to each Q-function's training loss
    rewards: Literal["free", "fixed"] = "free"
    start: Literal["stratified", "random", "exact"] = "stratified"
    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # minimum share of terminated rows
    domain: Literal["box", "manifold", "neighbours"] = "box"
    neighbours: Annotated[int, Field(ge=2)] = 100  # real rows that span a point's domain
    iterations: PositiveInt = 100  # maximum, for terminated and other rows each
    tolerance: Annotated[float, Field(ge=0)] = 1e-3  # minimum relative gain of a step

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        start = self._start(transitions, size, rng)
        data = Standardised.of(transitions)
        predictors = self.sample_predictors(transitions, data, rng)
        points = data.points_of(start)
        diagnostics: dict[str, Any] = {
            "state_mean": data.standardiser.mean.tolist(),
            "state_scale": data.standardiser.scale.tolist(),
        }
        for ended in np.unique(start.terminations):
            members = start.terminations == ended
            points[members], found = self._match(data, start, points, members, predictors)
            prefix = "terminated_" if ended else ""
            diagnostics |= {f"{prefix}{key}": value for key, value in _outcome(found).items()}
        return data.restore(points, start), None, diagnostics

    def _start(self, transitions: Transitions, size: int, rng: np.random.Generator) -> Transitions:
        if self.start == "exact":
            exact = ExactDistiller(discount=self.discount, terminated_share=self.terminated_share)
            return exact.reduce(transitions, size, rng).transitions
        if self.start == "stratified":
            return transitions.take(*draw_stratified(transitions, size, self.terminated_share, rng))
        rows = np.sort(rng.choice(len(transitions), size, replace=False))
        return transitions.take(rows, cell_weights(transitions, rows))

    def sample_predictors(
        self, transitions: Transitions, data: Standardised, rng: np.random.Generator
    ) -> Predictors:
        """Draw ``predictors`` Q-functions from the law, given transitions raw and standardised."""
        count, actions = transitions.action_count, self.actions
        if self.law == "network":
            d = transitions.obs_dim
            return sample_networks(d, count, self.feature_count, self.predictors, rng)
        features = draw_features(self.features, transitions.obs_dim, self.feature_count, rng)
        if self.law in ("gaussian", "gaussian-unit"):
            drawn = sample_linear(features, count, actions, self.predictors, rng)
            ones = np.ones(self.predictors)
            return drawn if self.law == "gaussian" else replace(drawn, reward_scales=ones)
        fitted = fit_q(data.rows, transitions.shares, features, count, actions, self.discount)
        values = fitted.values(data.rows.states)[
            np.arange(len(transitions)), 0, transitions.actions
        ]
        return sample_around(fitted, float(np.std(values)), actions, self.predictors, rng)

    def _match(
        self,
        data: Standardised,
        start: Transitions,
        points: Float64Array,
        members: BoolArray,
        predictors: Predictors,
    ) -> tuple[Float64Array, SearchResult]:
        """Match the losses of one group of points; ``members`` are its rows in ``start``."""
        ended = bool(start.terminations[members][0])
        group = data.group(ended)
        shares = start.weights[members] / start.weights[members].sum()
        losses = bellman_losses(predictors, group.rows, group.shares[None], self.discount)[0]
        actions = start.actions[members]
        domain, means = self._domain(group, points[members], shares, actions)
        matching = GroupMatching(
            predictors=predictors,
            actions=actions,
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
        self, group: Standardised, start: Float64Array, shares: Float64Array, actions: IntArray
    ) -> tuple[Domain, Float64Array | None]:
        fixed = np.array([-1] if self.rewards == "fixed" else [], dtype=np.int64)
        if self.domain == "neighbours":
            real, kinds = group.points, group.rows.actions
            count = self.neighbours
            return Neighbourhoods.around(real, kinds, start, actions, count, fixed), None
        means = None
        if self.actions == "additive" and self.domain == "box":
            means = group.shares @ group.points
            means[fixed] = np.nan
        box = Box.around(group.points, start, shares, means, fixed)
        if self.domain == "box":
            return box, means
        relations = Relations.of(group.points, group.rows.states.shape[1])
        return Manifold(box, relations), means


def _units(losses: Float64Array, gaps: str) -> Float64Array:
    """Unit of each predictor's loss gap, ``(k,)``."""
    typical = float(losses.mean()) or 1.0
    if gaps == "absolute":
        return np.full(len(losses), typical)
    return np.maximum(losses, 1e-9 * typical)  # no relative gap at a loss of zero


def _outcome(found: SearchResult) -> dict[str, Any]:
    return {
        "loss_before": found.trace[0],
        "loss_after": found.trace[-1],
        "steps": float(len(found.trace) - 1),
        "rejected_steps": float(found.rejected),
        "loss_trace": list(found.trace),
    }
