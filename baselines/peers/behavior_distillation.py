"""Offline behaviour distillation by Av-PBC: Lei, Zhang and Tao, arXiv 2410.22728."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from harness.core.arrays import Float64Array, IntArray
from harness.core.computing.threads import one_thread
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.numerics.action_worth import tabulate_worth

if TYPE_CHECKING:  # importing it loads torch
    from torch import Tensor

    from baselines.peers.cloning import Decisions, Demonstrations, Networks

FRESH, FRESH_STATES = 8, 2000  # networks and states that are never used, to judge by


class BehaviorDistillation(Reducer[Transitions]):
    """Move states so that networks which clone the set act as a teacher does where it matters.

    Networks at random initial weights clone the synthetic set by some full gradient steps, and its
    states are moved by back-propagation through all of these, so as to lower the action-value
    weighted decision difference ``E_s[Σ_a q(s, a) (π(a|s) - π*(a|s))²]`` at states of the data
    ("Offline Behavior Distillation", NeurIPS 2024, equation 6 and algorithm 1). The rewards are
    taken for the teacher's action values, for which π* is greedy: it is meant for action-value
    labels of every action, given *before* reducing (``labels = { name = "action-value", when =
    "before", parameters = { actions = "all" } }``). On other rows an action that none of a state
    takes is worth zero; equal values share the policy.

    Departures: the teacher is that of the labels instead of Cal-QL; action values are less their
    minimum over the data, for the paper's are not negative, and in units of their mean; the sum
    over the few actions is exact; states begin with the teacher's actions instead of the data's,
    and these stay, for actions are discrete here; the cloned loss is cross-entropy, that of the
    learner; networks are small, several at once, and cloned by fewer steps; states are z-scored,
    stay in the box of the data and are moved by Adam instead of gradient descent with momentum.
    """

    name: ClassVar[str] = "av-pbc"

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    networks: PositiveInt = 4  # cloned at once
    cloning_steps: PositiveInt = 40  # of each, through which gradients go back
    cloning_rate: PositiveFloat = 0.3  # learning rate of these
    steps: PositiveInt = 100  # of the states
    rate: PositiveFloat = 0.05  # initial learning rate of the states, with cosine decay to zero
    batch: PositiveInt = 256  # states of the data at each step

    def check_usable(self, transitions: Transitions) -> None:  # noqa: ARG002
        """Import torch before the reduction's time is measured."""
        import_module("baselines.peers.cloning")

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        from baselines.peers.cloning import Decisions, MovedStates, draw_networks

        first, worth = tabulate_worth(transitions)
        data, policy, weights = transitions.take(first), greedy_policy(worth), weigh(worth)
        start = draw_set(data, policy, size, rng)
        sizes = (data.obs_dim, *self.hidden_units, data.action_count)
        with one_thread():
            states = MovedStates(data, start, self.rate, self.steps)
            decisions = Decisions.of(states.data, policy, weights, data.shares)
            fresh, probe = draw_networks(sizes, FRESH, rng), decisions.draw(FRESH_STATES, rng)
            trace = []
            for _ in range(self.steps):
                networks = draw_networks(sizes, self.networks, rng)
                batch = decisions.draw(self.batch, rng)
                loss = self._difference(networks, states.moving, batch)
                trace.append(loss.item())
                states.step(loss)
            diagnostics: dict[str, Any] = {
                "fresh_before": self._difference(fresh, states.begun, probe).item(),
                "fresh_after": self._difference(fresh, states.fixed, probe).item(),
                "loss_trace": trace,
                "stored_columns": float(data.obs_dim + 1),
            }
        return states.rows(), None, diagnostics

    def _difference(self, networks: Networks, made: Demonstrations, decisions: Decisions) -> Tensor:
        """Weighted decision difference of networks once they have cloned a set."""
        from baselines.peers.cloning import clone

        return decisions.difference(clone(networks, made, self.cloning_steps, self.cloning_rate))


def greedy_policy(worth: Float64Array) -> Float64Array:
    """Probabilities of the actions of maximum value, which share alike, ``(S, A) -> (S, A)``."""
    best = worth == worth.max(axis=1, keepdims=True)
    shared: Float64Array = best / best.sum(axis=1, keepdims=True)
    return shared


def weigh(worth: Float64Array) -> Float64Array:
    """Action values ``(S, A)`` less their minimum, over the mean of that; ones if all are equal."""
    weights = worth - worth.min()
    return weights / weights.mean() if weights.any() else np.ones_like(worth)


def draw_set(
    data: Transitions, policy: Float64Array, size: int, rng: np.random.Generator
) -> Transitions:
    """Draw states by weight, distinct if there are enough, with actions of the policy."""
    chosen = rng.choice(len(data), size, replace=size > len(data), p=data.shares)
    preferred = np.where(policy[chosen] > 0, rng.random((size, data.action_count)), -1.0)
    return replace(data.take(chosen, np.ones(size)), actions=preferred.argmax(axis=1))
