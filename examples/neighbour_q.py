"""A learner of one's own: kernel-based Q-iteration (Ormoneit and Sen, 2002), no network.

bellman-bench run my_suite.toml --results results/mine --jobs 2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PositiveInt
from scipy.spatial import cKDTree

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions
from harness.numerics.standardising import Standardiser


class NeighbourQLearner(Learner):
    """Gives an action the mean target of the nearest rows that took it, weighted, again and again.

    An action that no row takes is worth less than any other.
    """

    name: ClassVar[str] = "neighbour-q"

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    neighbours: PositiveInt = 3
    iterations: PositiveInt = 300

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:  # noqa: ARG002
        """Iterate from zero; nothing is random."""
        data = _Neighbours.of(transitions, self.neighbours)
        averages = data.averages(transitions.next_observations)
        alive = self.discount * ~transitions.terminations
        targets = transitions.rewards.astype(np.float64)
        for _ in range(self.iterations - 1):
            values = np.stack([average(targets) for average in averages])
            targets = transitions.rewards + alive * values.max(axis=0)
        yield TrainedPolicy(self.iterations, NeighbourPolicy(data, targets))


@dataclass(frozen=True, eq=False)
class NeighbourPolicy:
    """Acts greedily on the means of neighbours' targets."""

    data: _Neighbours
    targets: Float64Array  # (N,)

    def act(self, observations: FloatArray) -> IntArray:
        """Choose the action of largest mean, ``(B, obs_dim) -> (B,)``."""
        means = [average(self.targets) for average in self.data.averages(observations)]
        best: IntArray = np.stack(means).argmax(axis=0)
        return best


@dataclass(frozen=True, eq=False)
class _Average:
    """A weighted mean over some rows for each of several states."""

    rows: IntArray  # (B, k)
    shares: Float64Array  # (B, k) that sum to one

    def __call__(self, targets: Float64Array) -> Float64Array:
        means: Float64Array = (targets[self.rows] * self.shares).sum(axis=1)
        return means


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """The rows of every action, to be looked for by their states."""

    standardiser: Standardiser
    members: tuple[IntArray, ...]  # rows of each action that is taken
    trees: tuple[cKDTree, ...]
    weights: Float64Array  # (N,)
    count: int

    @classmethod
    def of(cls, transitions: Transitions, count: int) -> _Neighbours:
        standardiser = Standardiser.fit(transitions)
        states = standardiser.apply(transitions.observations)
        actions = range(int(transitions.actions.max()) + 1)
        members = tuple(np.flatnonzero(transitions.actions == action) for action in actions)
        trees = tuple(cKDTree(states[rows]) if len(rows) else None for rows in members)
        return cls(standardiser, members, trees, transitions.shares, count)

    def averages(self, observations: FloatArray) -> list[_Average | _Nothing]:
        states = self.standardiser.apply(observations)
        return [
            _Nothing(len(states)) if tree is None else self._average(states, tree, rows)
            for tree, rows in zip(self.trees, self.members, strict=True)
        ]

    def _average(self, states: Float64Array, tree: cKDTree, rows: IntArray) -> _Average:
        _, nearest = tree.query(states, k=np.arange(1, min(self.count, len(rows)) + 1))
        found = rows[nearest]
        weights = self.weights[found]
        return _Average(found, weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class _Nothing:
    """What is known of an action that no row takes."""

    states: int

    def __call__(self, targets: Float64Array) -> Float64Array:
        return np.full(self.states, targets.min() - 1.0)
