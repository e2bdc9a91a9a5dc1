"""Matching of the fitted Bellman operator, the map that fitted Q-iteration iterates."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import InputError
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.distillation.solvers.neighbours import nearest_of_kind
from harness.numerics.features import draw_features
from harness.numerics.fitted_q import fit_q
from harness.numerics.predictors import LinearPredictors, sample_around
from harness.numerics.standardising import Standardised, StandardRows
from harness.numerics.stratification import cell_labels, draw_stratified

if TYPE_CHECKING:  # importing it loads torch
    from harness.distillation.solvers.operator_loss import OperatorTarget

OWN_WEIGHT = 0.5  # initial weight of a point's own row; its neighbours share the rest
Q_ROWS = 2000  # maximum number of rows to fit the Q-functions that predictors are drawn around
FRESH_MAPS = 2  # draws of ψ whose predictors are never matched


class OperatorDistiller(Reducer[Transitions]):
    """Optimise synthetic transitions to match the fitted Bellman operator of the full dataset.

    For sampled Q-functions f, the ridge regression of Bellman targets ``r + γ(1-b) max f(s', ·)``
    on random features ψ, one regression per action, is compared at the dataset's states with the
    regression on the dataset itself; for several ψ, because sets that are matched under one do not
    transfer to other learners. Each ψ has its own f, drawn around its fitted Q-function. A
    synthetic point is a convex combination of neighbouring rows of its cell, s, r and s' together,
    so that it stays near any manifold that the data lie on. Actions, terminations and weights are
    those of a stratified sample. The operator of a dataset of more than ``reference_rows`` rows is
    computed on a stratified sample.
    """

    name: ClassVar[str] = "operator"

    maps: PositiveInt = 8  # draws of ψ
    features: str = "relu"  # ψ, a name in `harness.numerics.features.FEATURE_MAPS`
    feature_count: PositiveInt = 128
    predictors: PositiveInt = 16  # Q-functions for each draw of ψ
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    ridge: PositiveFloat = 1e-2  # penalty per unit of weight of a regression's rows
    neighbours: PositiveInt = 32  # rows that a point is a combination of
    steps: PositiveInt = 100  # of Adam
    reference_rows: PositiveInt = 8000  # maximum, to compute the dataset's operator
    terminated_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # minimum share of terminated rows

    def check_usable(self, transitions: Transitions) -> None:  # noqa: ARG002
        """Import torch before the reduction's time is measured."""
        import_module("harness.distillation.solvers.operator_loss")

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        from harness.distillation.solvers import operator_loss as matching

        rows, weights = draw_stratified(transitions, size, self.terminated_share, rng)
        start = transitions.take(rows, weights)
        data = Standardised.of(transitions)
        template = matching.Template.of(data.rows_of(start), start.shares, transitions.action_count)
        with matching.one_thread():
            target = self.sample_target(transitions, data, self.maps, rng)
            candidates, logits = find_neighbours(transitions, data.points, rows, self.neighbours)
            points, trace = matching.match_operator(
                target, candidates, logits, template, self.steps
            )
            fresh = self.sample_target(transitions, data, FRESH_MAPS, rng)
            before = data.points[rows]
            diagnostics: dict[str, Any] = {
                "loss_before": target.score(before, template),
                "loss_after": target.score(points, template),
                "fresh_before": fresh.score(before, template),
                "fresh_after": fresh.score(points, template),
                "steps": float(self.steps),
                "loss_trace": trace,
            }
        return data.restore(points, start), None, diagnostics

    def sample_target(
        self, transitions: Transitions, data: Standardised, maps: int, rng: np.random.Generator
    ) -> OperatorTarget:
        """Draw feature maps and Q-functions, and apply the dataset's fitted operator to them."""
        from harness.distillation.solvers.operator_loss import OperatorTarget

        rows, shares = self._sample_rows(transitions, data, self.reference_rows, rng)
        few, few_shares = self._sample_rows(transitions, data, Q_ROWS, rng)
        predictors = [
            self._sample_predictors(few, few_shares, transitions.action_count, rng)
            for _ in range(maps)
        ]
        return OperatorTarget.of(rows, shares, predictors, self.discount, self.ridge)

    def _sample_rows(
        self, transitions: Transitions, data: Standardised, most: int, rng: np.random.Generator
    ) -> tuple[StandardRows, Float64Array]:
        """Draw a stratified sample of limited size, with its normalised weights."""
        count = min(most, len(transitions))
        rows, weights = draw_stratified(transitions, count, self.terminated_share, rng)
        return data.rows.take(rows), weights / weights.sum()

    def _sample_predictors(
        self, rows: StandardRows, shares: Float64Array, action_count: int, rng: np.random.Generator
    ) -> LinearPredictors:
        """Draw ψ, and Q-functions around the one that is fitted with it."""
        features = draw_features(self.features, rows.states.shape[1], self.feature_count, rng)
        count, discount, ridge = action_count, self.discount, self.ridge
        try:
            fitted = fit_q(rows, shares, features, count, "product", discount, ridge=ridge)
        except ValueError as error:  # raised by scipy for values that are not finite
            raise InputError(
                "method 'operator': fitted Q-iteration diverged on the dataset: Q-values must be "
                "finite; increase the parameter ridge or scale the dataset down"
            ) from error
        values = fitted.values(rows.states)[np.arange(len(rows)), 0, rows.actions]
        return sample_around(fitted, float(np.std(values)), "product", self.predictors, rng)


def find_neighbours(
    transitions: Transitions, points: Float64Array, rows: IntArray, count: int
) -> tuple[Float64Array, Float64Array]:
    """Find the nearest rows of the same cell, by distance in z-scored s, s' and r.

    Args:
        transitions: The data.
        points: The same, standardised, ``(n, p)``.
        rows: Rows to find the neighbours of, ``(N,)``.
        count: Number of neighbours, including the row itself; a smaller cell gives all its rows.

    Returns:
        The neighbours ``(N, count, p)``, padded with zeros where a cell has too few, and logits
        ``(N, count)`` that give the row itself half of the weight and the padding none.
    """
    labels = cell_labels(transitions)
    candidates = np.zeros((len(rows), count, points.shape[1]))
    logits = np.full((len(rows), count), -np.inf)
    for here, nearest in nearest_of_kind(points, labels, points[rows], labels[rows], count):
        found = nearest.shape[1]
        candidates[here, :found] = points[nearest]
        logits[here, 0] = np.log(OWN_WEIGHT)
        logits[here, 1:found] = np.log((1 - OWN_WEIGHT) / max(found - 1, 1))
    return candidates, logits
