"""Loss between the fitted Bellman operators of the dataset and of synthetic points.

It imports torch; `harness.distillation.operator` imports it only when it distils.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.core.arrays import Float64Array
from harness.core.errors import InputError
from harness.numerics.features import FeatureMap
from harness.numerics.predictors import ROWS, LinearPredictors
from harness.numerics.standardising import StandardRows

ADVANTAGE = 0.1  # weight of the advantage's error relative to the state value's
RATE = 0.1  # initial learning rate of Adam on logits, with cosine decay to zero
FLOOR = 1e-9  # minimum variance, relative to the mean square, that errors are divided by


@dataclass(frozen=True, eq=False)
class Template:
    """Actions, terminations and weights of the points, which are not optimised."""

    shares: Tensor  # (N,) weights that sum to one
    taken: Tensor  # (A, N) one where a row took the action, else zero
    alive: Tensor  # (N,) one where a row bootstraps, else zero

    @classmethod
    def of(cls, rows: StandardRows, shares: Float64Array, action_count: int) -> Template:
        """Extract actions, terminations and shares of rows."""
        taken = np.equal.outer(np.arange(action_count), rows.actions).astype(np.float64)
        alive = 1.0 - rows.terminated
        return cls(torch.from_numpy(shares), torch.from_numpy(taken), torch.from_numpy(alive))


@dataclass(frozen=True, eq=False)
class OperatorTarget:
    """Values of the dataset's fitted Bellman operator at sampled Q-functions, for several maps.

    Each of ``m`` feature maps of one width has its own ``k`` Q-functions, for ``A`` actions.
    Functions are represented by coordinates in which their mean square at the dataset's states is a
    sum of squares.
    """

    maps: Sequence[FeatureMap]
    predictors: Tensor  # (m, width, A * k)
    roots: Tensor  # (m, width, width) from coefficients to coordinates
    value: Tensor  # (m, width, k) mean over actions of the operator's values, in coordinates
    advantage: Tensor  # (m, A, width, k) differences of each action's values from that mean
    units: tuple[Tensor, Tensor]  # (m, k) variances at the data's states of both
    discount: float
    ridge: float  # penalty per unit of weight of a regression's rows

    @classmethod
    def of(
        cls,
        rows: StandardRows,
        shares: Float64Array,
        predictors: Sequence[LinearPredictors],
        discount: float,
        ridge: float,
    ) -> OperatorTarget:
        """Apply the dataset's fitted operator to the product predictors of each map."""
        maps = [each.features for each in predictors]
        flat = torch.from_numpy(np.stack([_flat_weights(each) for each in predictors]))
        data = _Moments.of(rows, shares, maps, flat, predictors[0].offsets.shape[1], discount)
        roots = _root(data.grams.sum(dim=1))
        fitted = data.regress(ridge)
        level = torch.einsum("mw,mwk->mk", data.means, fitted.mean(dim=1))
        value, advantage = _split(roots[:, None] @ fitted)
        squares = value.square().sum(dim=1), advantage.square().sum(dim=2).mean(dim=1)
        floor = FLOOR * (squares[0] + squares[1]) + torch.finfo(torch.float64).tiny
        units = torch.maximum(squares[0] - level**2, floor), torch.maximum(squares[1], floor)
        return cls(maps, flat, roots, value, advantage, units, discount, ridge)

    def loss(self, points: Tensor, template: Template) -> Tensor:
        """Error of the points' operator at the dataset's states, mean over maps and predictors.

        The squared errors of state value and advantage are each divided by the variance of the
        dataset's own, and the advantage's has weight 0.1.

        Args:
            points: ``[s, s', r]``, ``(N, 2 obs_dim + 1)``.
            template: Their actions, terminations and shares.
        """
        d = points.shape[1] // 2
        states = torch.cat([points[:, :d], points[:, d : 2 * d]])
        now, then = _features(states, self.maps).tensor_split(2, dim=1)
        targets = _targets(then, self.predictors, points[:, -1], template, self.discount)
        fitted = _regress_dual(now, targets, template, self.ridge)
        value, advantage = _split(self.roots[:, None] @ fitted)
        value_errors = (value - self.value).square().sum(dim=1)
        advantage_errors = (advantage - self.advantage).square().sum(dim=2).mean(dim=1)
        return (value_errors / self.units[0] + ADVANTAGE * advantage_errors / self.units[1]).mean()

    def score(self, points: Float64Array, template: Template) -> float:
        """`loss` of fixed points."""
        return float(self.loss(torch.from_numpy(points), template))


def match_operator(
    target: OperatorTarget,
    candidates: Float64Array,
    logits: Float64Array,
    template: Template,
    steps: int,
) -> tuple[Float64Array, list[float]]:
    """Optimise convex combinations of candidates by Adam so that their operator is the target's.

    Args:
        target: The operator's values to match.
        candidates: Points ``[s, s', r]`` to combine, ``(N, c, 2 obs_dim + 1)``.
        logits: Logits of the initial softmax weights, ``(N, c)``.
        template: Actions, terminations and shares of the combinations.
        steps: Number of Adam steps.

    Returns:
        The best points found, ``(N, 2 obs_dim + 1)``, and the loss before each step and
        after the last.

    Raises:
        InputError: If a loss is not finite.
    """
    fixed, free = torch.from_numpy(candidates), torch.from_numpy(logits).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    trace: list[float] = []
    for _ in range(steps + 1):
        points = torch.einsum("nc,ncp->np", torch.softmax(free, dim=1), fixed)
        loss = target.loss(points, template)
        trace.append(loss.item())
        if not math.isfinite(trace[-1]):
            raise InputError(
                f"method 'operator': a loss of {trace[-1]}: losses must be finite; scale the "
                "dataset down"
            )
        if trace[-1] == min(trace):
            best = points.detach().numpy()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return best, trace


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch in one thread: fastest for such small sizes, and equal on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Features(torch.autograd.Function):
    """Several feature maps with their Jacobians as gradient, ``(N, d) -> (m, N, width)``."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, maps: Sequence[FeatureMap]) -> Tensor:
        ctx.states, ctx.maps = states.detach().numpy(), maps
        return torch.from_numpy(np.stack([each(ctx.states) for each in maps]))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        slopes = np.zeros_like(ctx.states)
        for part, each in zip(gradients[0].numpy(), ctx.maps, strict=True):
            slopes += (part[:, None] @ each.jacobian(ctx.states))[:, 0]
        return torch.from_numpy(slopes), None


def _features(states: Tensor, maps: Sequence[FeatureMap]) -> Tensor:
    features: Tensor = _Features.apply(states, maps)  # type: ignore[no-untyped-call]
    return features


@dataclass(frozen=True, eq=False)
class _Moments:
    """Moments of many rows that suffice for regressions of Bellman targets on features."""

    grams: Tensor  # (m, A, width, width) second moments of the features of each action's rows
    crosses: Tensor  # (m, A, width, k) moments of features and targets
    means: Tensor  # (m, width) mean features
    shares: Tensor  # (A,) of the actions

    @classmethod
    def of(
        cls,
        rows: StandardRows,
        shares: Float64Array,
        maps: Sequence[FeatureMap],
        predictors: Tensor,
        action_count: int,
        discount: float,
    ) -> _Moments:
        """Sum the moments over blocks of rows."""
        sums: list[Any] = [0.0] * 4
        for begin in range(0, len(rows), ROWS):
            part = rows.take(slice(begin, begin + ROWS))
            template = Template.of(part, shares[begin : begin + ROWS], action_count)
            now = _features(torch.from_numpy(part.states), maps)
            then = _features(torch.from_numpy(part.next_states), maps)
            rewards = torch.from_numpy(part.rewards)
            targets = _targets(then, predictors, rewards, template, discount)
            members = [torch.nonzero(each)[:, 0] for each in template.taken]
            weighted = [now[:, mine].mT * template.shares[mine] for mine in members]
            pairs = list(zip(weighted, members, strict=True))
            terms = (
                torch.stack([each @ now[:, mine] for each, mine in pairs], dim=1),
                torch.stack([each @ targets[:, mine] for each, mine in pairs], dim=1),
                template.shares @ now,
                template.taken @ template.shares,
            )
            sums = [total + term for total, term in zip(sums, terms, strict=True)]
        return cls(*sums)

    def regress(self, ridge: float) -> Tensor:
        """Coefficients of each action, ``(m, A, width, k)``; zero where it has no rows."""
        penalty = ridge * torch.where(self.shares > 0, self.shares, 1.0)
        unit = torch.eye(self.grams.shape[-1], dtype=self.grams.dtype)
        system = self.grams + penalty[:, None, None] * unit
        coefficients: Tensor = torch.linalg.solve(system, self.crosses)
        return coefficients


def _regress_dual(now: Tensor, targets: Tensor, template: Template, ridge: float) -> Tensor:
    """`_Moments.regress` for few rows, in dual form by the kernel of features ``(m, N, width)``.

    The kernel is zero between rows of different actions, so that one system serves all actions.
    """
    taken, shares = template.taken, template.shares
    penalty = ridge * (taken @ shares) @ taken / shares
    kernel = (now @ now.mT) * (taken.mT @ taken) + torch.diag(penalty)
    if not torch.isfinite(kernel).all():  # the solver's result would depend on the machine
        shape = (len(now), len(taken), now.shape[2], targets.shape[2])
        return torch.full(shape, math.nan, dtype=now.dtype)
    dual = torch.linalg.solve(kernel, targets)
    coefficients: Tensor = (now.mT[:, None] * taken[:, None]) @ dual[:, None]
    return coefficients


def _targets(
    then: Tensor, predictors: Tensor, rewards: Tensor, template: Template, discount: float
) -> Tensor:
    """Bellman targets of every map's predictors, ``(m, N, k)``."""
    values = (then @ predictors).reshape(*then.shape[:2], len(template.taken), -1)
    targets: Tensor = rewards[:, None] + discount * template.alive[:, None] * values.amax(dim=2)
    return targets


def _flat_weights(predictors: LinearPredictors) -> Float64Array:
    """Weights of product predictors, one column per action and predictor, ``(width, A * k)``."""
    k, action_count, width = predictors.weights.shape
    return predictors.weights.transpose(2, 1, 0).reshape(width, action_count * k)


def _root(grams: Tensor) -> Tensor:
    """Matrices ``R`` with ``RᵀR`` the given ones, ``(m, width, width)``."""
    values, vectors = torch.linalg.eigh(grams)
    roots: Tensor = values.clamp(min=0).sqrt()[:, :, None] * vectors.mT
    return roots


def _split(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over actions ``(m, width, k)``, and differences from it, ``(m, A, width, k)``."""
    mean = values.mean(dim=1)
    return mean, values - mean[:, None]
