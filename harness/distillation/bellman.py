"""Bellman-loss matching: Algorithm 2 of arXiv 2512.00536 with additive one-hot features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy.optimize import minimize

from harness.cells import draw_stratified
from harness.features import Standardiser, additive_rows
from harness.reduction import Reducer
from harness.transitions import IntArray, Transitions

Float64Array = NDArray[np.float64]


class BellmanDistiller(Reducer):
    """Moves a stratified subsample until sampled predictors lose on it what they lose on the data.

    Terminated and non-terminated rows are matched apart. Actions and weights stay those of the
    subsample; observations, next observations and rewards move inside the data's range.
    """

    name: ClassVar[str] = "bellman"

    predictors: PositiveInt = 100  # sampled pairs of linear predictor and reward scale
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # least share of terminated rows
    iterations: PositiveInt = 1000  # of L-BFGS-B, at most

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, dict[str, float]]:
        rows, weights = draw_stratified(transitions, size, self.terminated_share, rng)
        start = transitions.take(rows, weights)
        objective = MatchingObjective.build(transitions, start, self.discount, self.predictors, rng)
        found = minimize(
            objective.value_and_gradient,
            objective.pack(start),
            method="L-BFGS-B",
            jac=True,
            bounds=objective.bounds(transitions),
            options={"maxiter": self.iterations, "ftol": 1e-15, "gtol": 1e-9},
        )
        diagnostics = {
            "loss_before": objective.value_and_gradient(objective.pack(start))[0],
            "loss_after": float(found.fun),
            "iterations": float(found.nit),
        }
        return objective.unpack(found.x), None, diagnostics


@dataclass(frozen=True)
class MatchingObjective:
    """Mean squared relative loss gap over predictors, and first moments, as a function of points.

    Points are packed as standardised ``[s, s', r]`` of each row, flattened. The training losses
    follow once from second moments, so that an evaluation costs nothing in the dataset's size.
    """

    template: Transitions  # M rows that lend actions, terminations and weights
    standardiser: Standardiser
    reward_scale: float
    discount: float
    predictors: Float64Array  # (k, q) one u = (w, c, -λ, -γ max c) a row
    losses: Float64Array  # (groups, k) training losses
    means: Float64Array  # (groups, 2 obs_dim + 1) training means of [s, s', r], standardised
    members: Float64Array  # (groups, M) weights that sum to one within a group, zero outside

    @classmethod
    def build(
        cls,
        transitions: Transitions,
        start: Transitions,
        discount: float,
        predictor_count: int,
        rng: np.random.Generator,
    ) -> MatchingObjective:
        """Sample predictors and take the data's losses and means in each group."""
        standardiser = Standardiser.fit(transitions)
        reward_scale = float(np.std(transitions.rewards, dtype=np.float64)) or 1.0
        rows = additive_rows(transitions, standardiser, discount)
        predictors = sample_predictors(transitions, reward_scale, discount, predictor_count, rng)
        groups = [flag for flag in (False, True) if (start.terminations == flag).any()]
        shares = np.stack([_within(transitions, flag) for flag in groups])
        moments = np.einsum("gi,ip,iq->gpq", shares, rows, rows, optimize=True)
        return cls(
            template=start,
            standardiser=standardiser,
            reward_scale=reward_scale,
            discount=discount,
            predictors=predictors,
            losses=np.einsum("kp,gpq,kq->gk", predictors, moments, predictors, optimize=True),
            means=shares @ _points(transitions, standardiser, reward_scale),
            members=np.stack([_within(start, flag) for flag in groups]),
        )

    def pack(self, transitions: Transitions) -> Float64Array:
        """Flatten the points of ``transitions``, standardised."""
        return _points(transitions, self.standardiser, self.reward_scale).ravel()

    def unpack(self, packed: Float64Array) -> Transitions:
        """Undo `pack`; the template lends what does not move."""
        points = packed.reshape(len(self.template), -1)
        d = self.template.obs_dim
        return Transitions(
            observations=self.standardiser.invert(points[:, :d]),
            actions=self.template.actions,
            rewards=points[:, -1] * self.reward_scale,
            next_observations=self.standardiser.invert(points[:, d : 2 * d]),
            terminations=self.template.terminations,
            weights=self.template.weights,
            action_count=self.template.action_count,
        )

    def bounds(self, transitions: Transitions) -> list[tuple[float, float]]:
        """Range of the data, termination by termination, for each packed number."""
        points = _points(transitions, self.standardiser, self.reward_scale)
        boxes = {}
        for flag in np.unique(self.template.terminations):
            group = points[transitions.terminations == flag]
            boxes[flag] = list(zip(group.min(axis=0), group.max(axis=0), strict=True))
        return [bound for flag in self.template.terminations for bound in boxes[flag]]

    def value_and_gradient(self, packed: Float64Array) -> tuple[float, Float64Array]:
        """Objective and its gradient at packed points."""
        points = packed.reshape(len(self.template), -1)
        residuals = self._residuals(points)  # (M, k)
        gaps = (self.members @ residuals**2) / self.losses - 1  # (groups, k)
        drift = self.members @ points - self.means  # (groups, 2 obs_dim + 1)
        value = np.mean(gaps**2) + np.mean(drift**2)
        pull = 4 / gaps.size * self.members.T @ (gaps / self.losses)  # (M, k)
        gradient = self._to_points((pull * residuals) @ self.predictors)
        gradient += 2 / drift.size * self.members.T @ drift
        return float(value), gradient.ravel()

    def _residuals(self, points: Float64Array) -> Float64Array:
        rows = additive_rows(self.unpack(points.ravel()), self.standardiser, self.discount)
        return rows @ self.predictors.T

    def _to_points(self, row_gradient: Float64Array) -> Float64Array:
        """Chain ∂/∂ξ to ∂/∂[s, s', r]."""
        d = self.template.obs_dim
        alive = 1.0 - self.template.terminations
        by_state = row_gradient[:, :d]
        by_reward = row_gradient[:, d + 1 + self.template.action_count] * self.reward_scale
        return np.column_stack([by_state, -self.discount * alive[:, None] * by_state, by_reward])


def sample_predictors(
    transitions: Transitions,
    reward_scale: float,
    discount: float,
    count: int,
    rng: np.random.Generator,
) -> Float64Array:
    """Sample linear predictors and reward scales as rows ``u = (w, c, -λ, -γ max c)``.

    Weights are Gaussian with variance ``1 / (obs_dim + 1 + action_count)``, so that predictions
    on standardised observations are of order one; λ is Gaussian in units of the rewards' spread.

    Returns:
        Shape ``(count, obs_dim + action_count + 3)``.
    """
    d, actions = transitions.obs_dim, transitions.action_count
    weights = rng.normal(size=(count, d + 1 + actions)) / np.sqrt(d + 1 + actions)
    reward_scales = rng.normal(size=count) / reward_scale
    best_action = weights[:, d + 1 :].max(axis=1)
    return np.column_stack([weights, -reward_scales, -discount * best_action])


def _within(transitions: Transitions, terminated: bool) -> Float64Array:
    """Shares ``(N,)`` of the rows in one group, zero outside it."""
    shares = transitions.shares * (transitions.terminations == terminated)
    within: Float64Array = shares / shares.sum()
    return within


def _points(
    transitions: Transitions, standardiser: Standardiser, reward_scale: float
) -> Float64Array:
    """Stack standardised ``[s, s', r]``, shape ``(N, 2 obs_dim + 1)``."""
    return np.column_stack(
        [
            standardiser.apply(transitions.observations),
            standardiser.apply(transitions.next_observations),
            transitions.rewards / reward_scale,
        ]
    )
