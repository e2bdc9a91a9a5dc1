"""Cloning networks whose training is differentiable, and states that are moved by its gradients.

It imports torch; the reducers of this folder import it only when they reduce.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from harness.core.arrays import Float64Array, FloatArray
from harness.core.transitions import Transitions
from harness.numerics.features import one_hot
from harness.numerics.standardising import Standardiser

Networks = Sequence[Tensor]  # weights (K, in, out) and biases (K, 1, out) of each layer in turn


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """States with the actions to imitate there."""

    states: Tensor  # (n, d)
    targets: Tensor  # (n, A) probabilities of actions
    shares: Tensor  # (n,) weights that sum to one

    @classmethod
    def of(cls, states: Float64Array, targets: Float64Array, weights: FloatArray) -> Demonstrations:
        """Copy arrays, and normalise the weights."""
        shares = torch.tensor(np.asarray(weights, np.float64) / np.sum(weights))
        return cls(torch.tensor(states), torch.tensor(targets), shares)

    def of_action(self, action: int) -> Demonstrations:
        """Select the rows that imitate an action."""
        rows = torch.nonzero(self.targets.argmax(dim=1) == action)[:, 0]
        shares = self.shares[rows]
        return Demonstrations(self.states[rows], self.targets[rows], shares / shares.sum())


@dataclass(frozen=True, eq=False)
class Decisions:
    """What a teacher does at states of the data, and how much it matters."""

    states: Tensor  # (n, d)
    policy: Tensor  # (n, A) its probabilities of actions
    weights: Tensor  # (n, A) of a difference in these
    shares: Float64Array  # (n,) of the states in the data

    @classmethod
    def of(
        cls,
        states: Float64Array,
        policy: Float64Array,
        weights: Float64Array,
        shares: Float64Array,
    ) -> Decisions:
        """Copy arrays."""
        return cls(torch.tensor(states), torch.tensor(policy), torch.tensor(weights), shares)

    def draw(self, count: int, rng: np.random.Generator) -> Decisions:
        """Draw states with replacement in proportion to their shares, which then are alike."""
        rows = rng.choice(len(self.shares), count, p=self.shares)
        shares = np.full(count, 1 / count)
        return Decisions(self.states[rows], self.policy[rows], self.weights[rows], shares)

    def difference(self, networks: Networks) -> Tensor:
        """Weighted squared difference from the policies of networks, averaged over these."""
        policies = torch.softmax(logits(networks, self.states), dim=2)
        squares = self.weights * (policies - self.policy).square()
        return (squares.sum(dim=2) @ torch.from_numpy(self.shares)).mean()


def draw_networks(sizes: Sequence[int], count: int, rng: np.random.Generator) -> list[Tensor]:
    """Draw networks of rectified units as torch draws linear layers.

    Args:
        sizes: Units of every layer, state dimension first and number of actions last.
        count: Number of networks, K.
        rng: Draws their parameters.
    """
    drawn = []
    for fan_in, fan_out in pairwise(sizes):
        for rows in (fan_in, 1):
            values = rng.uniform(-1, 1, size=(count, rows, fan_out)) / np.sqrt(fan_in)
            drawn.append(torch.from_numpy(values).requires_grad_())
    return drawn


def logits(networks: Networks, states: Tensor) -> Tensor:
    """Logits of every action by every network, ``(n, d) -> (K, n, A)``."""
    units = states @ networks[0] + networks[1]
    for weights, biases in zip(networks[2::2], networks[3::2], strict=True):
        units = torch.relu(units) @ weights + biases
    return units


def cloning_losses(networks: Networks, demonstrations: Demonstrations) -> Tensor:
    """Cross-entropy of every network with the actions to imitate, ``(K,)``."""
    likelihoods = torch.log_softmax(logits(networks, demonstrations.states), dim=2)
    losses: Tensor = -(demonstrations.targets * likelihoods).sum(dim=2) @ demonstrations.shares
    return losses


def cloning_gradients(networks: Networks, demonstrations: Demonstrations) -> tuple[Tensor, ...]:
    """Gradients of every network's loss by its own parameters.

    They can be differentiated in turn if the states can.
    """
    loss = cloning_losses(networks, demonstrations).sum()
    return torch.autograd.grad(loss, networks, create_graph=demonstrations.states.requires_grad)


def gradient_distance(networks: Networks, made: Demonstrations, given: Demonstrations) -> Tensor:
    """Squared distance between cloning gradients, summed over the actions in both sets.

    The gradients are the means over each action's rows apart, whatever its share.

    Args:
        networks: Over which the distance is averaged.
        made: The synthetic set, by whose states it may be differentiated.
        given: The data.
    """
    distance = torch.zeros((), dtype=made.states.dtype)
    for action in range(made.targets.shape[1]):
        ours, theirs = made.of_action(action), given.of_action(action)
        if len(ours.states) and len(theirs.states):
            for one, other in zip(
                cloning_gradients(networks, ours), cloning_gradients(networks, theirs), strict=True
            ):
                distance = distance + (one - other).square().sum()
    return distance / len(networks[0])


def clone(
    networks: Networks, demonstrations: Demonstrations, steps: int, rate: float
) -> list[Tensor]:
    """Take full gradient steps; the result can be differentiated by the states if they can."""
    trained = list(networks)
    for _ in range(steps):
        gradients = cloning_gradients(trained, demonstrations)
        trained = [each - rate * slope for each, slope in zip(trained, gradients, strict=True)]
    return trained


class MovedStates:
    """The states of a synthetic set, which an optimiser moves within the box of the data."""

    def __init__(self, data: Transitions, start: Transitions, rate: float, steps: int) -> None:
        """Begin at rows of the data.

        Args:
            data: The dataset, by whose statistics states are z-scored.
            start: The rows, with the actions to imitate.
            rate: Initial learning rate of Adam, with cosine decay to zero.
            steps: Number of its steps.
        """
        self._standardiser = Standardiser.fit(data)
        self._start = start
        self.data = self._standardiser.apply(data.observations)  # (N, d) z-scored
        self._low, self._high = (
            torch.from_numpy(bound) for bound in (self.data.min(axis=0), self.data.max(axis=0))
        )
        begun = self._standardiser.apply(start.observations)
        targets = one_hot(start.actions, start.action_count)
        self.begun = Demonstrations.of(begun, targets, start.weights)
        self.moving = replace(self.begun, states=self.begun.states.clone().requires_grad_())
        self._optimiser = torch.optim.Adam([self.moving.states], lr=rate)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, steps)

    @property
    def fixed(self) -> Demonstrations:
        """The set as it is, by whose states nothing is differentiated."""
        return replace(self.moving, states=self.moving.states.detach().clone())

    def step(self, loss: Tensor) -> None:
        """Lower a loss, and stay in the box."""
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        with torch.no_grad():
            self.moving.states.clamp_(self._low, self._high)

    def rows(self) -> Transitions:
        """Return the set in the data's units; all but the states is that of the start."""
        start = self._start
        return replace(
            start,
            observations=self._standardiser.invert(self.moving.states.detach().numpy()),
            rewards=start.rewards.astype(np.float64),
            next_observations=start.next_observations.astype(np.float64),
        )
