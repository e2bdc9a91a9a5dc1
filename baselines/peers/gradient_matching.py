"""Gradient matching of behaviour cloning: Light, Liu and Hu, arXiv 2407.20299."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from baselines.return_filter import best_rows, measure_episodes
from harness.core.arrays import IntArray
from harness.core.computing.threads import one_thread
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions
from harness.numerics.features import one_hot
from harness.numerics.stratification import draw_stratified

if TYPE_CHECKING:  # importing it loads torch
    from baselines.peers.cloning import Demonstrations, MovedStates, Networks

FRESH = 8  # networks that are never matched on, to judge by


class GradientMatching(Reducer[Transitions]):
    """Move states so that cloning them has the gradient that cloning the data has.

    For networks at random initial weights, and as they are after a few steps of cloning the
    synthetic set, the squared distance between the gradients of the cloning loss on the set and on
    a batch of the data is summed over actions, each action's rows apart, and lowered by moving the
    set's states ("Dataset Distillation for Offline Reinforcement Learning", 2024, after Zhao et
    al., "Dataset Condensation with Gradient Matching", 2021). Actions are those of the initial
    rows. What is cloned are the best episodes, as the paper has data of an expert: the top
    ``share`` of episodes by return, or with ``share = 1`` all rows, as for best-action labels that
    are given *before* reducing.

    Departures: several networks are matched at once; the loss is cross-entropy, that of the
    learner; states are z-scored, stay in the box of the data and are moved by Adam instead of
    gradient descent with momentum; actions have the data's shares instead of equal ones.
    """

    name: ClassVar[str] = "gradient-matching"

    share: Annotated[float, Field(gt=0, le=1)] = 0.1  # of the episodes, the best ones
    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    networks: PositiveInt = 4  # matched on at a time
    initialisations: PositiveInt = 10  # of all of them
    updates: PositiveInt = 20  # of the states after each
    cloning_steps: PositiveInt = 5  # of the networks between updates
    cloning_rate: PositiveFloat = 0.1  # learning rate of these
    rate: PositiveFloat = 0.05  # initial learning rate of the states, with cosine decay to zero
    batch: PositiveInt = 256  # rows of the data for each action

    def check_usable(self, transitions: Transitions) -> None:
        """Check that the rows form episodes, if the best are chosen; import torch.

        Raises:
            InputError: If they do not.
        """
        if self.share < 1:
            measure_episodes(transitions, self.name)
        import_module("baselines.peers.cloning")

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        from baselines.peers.cloning import MovedStates, draw_networks, gradient_distance

        data = transitions
        if self.share < 1:
            data = data.take(best_rows(data, self.share, size, rng, self.name)[0])
        start = data.take(*draw_stratified(data, size, 0.0, rng))
        sizes = (data.obs_dim, *self.hidden_units, data.action_count)
        with one_thread():
            states = MovedStates(data, start, self.rate, self.initialisations * self.updates)
            fresh = draw_networks(sizes, FRESH, rng)
            probe = self._batch(states, data, rng)
            trace: list[float] = []
            for _ in range(self.initialisations):
                networks = draw_networks(sizes, self.networks, rng)
                trace += self._match(networks, states, data, rng)
            diagnostics: dict[str, Any] = {
                "fresh_before": gradient_distance(fresh, states.begun, probe).item(),
                "fresh_after": gradient_distance(fresh, states.fixed, probe).item(),
                "loss_trace": trace,
                "stored_columns": float(data.obs_dim + 1),
            }
        return states.rows(), None, diagnostics

    def _match(
        self, networks: Networks, states: MovedStates, data: Transitions, rng: np.random.Generator
    ) -> list[float]:
        """Move the states while networks are trained on them; return the distance before each."""
        from baselines.peers.cloning import clone, gradient_distance

        trace = []
        for _ in range(self.updates):
            loss = gradient_distance(networks, states.moving, self._batch(states, data, rng))
            trace.append(loss.item())
            states.step(loss)
            trained = clone(networks, states.fixed, self.cloning_steps, self.cloning_rate)
            networks = [each.detach().requires_grad_() for each in trained]
        return trace

    def _batch(
        self, states: MovedStates, data: Transitions, rng: np.random.Generator
    ) -> Demonstrations:
        """Draw rows of the data by weight, equally many of each action that there is."""
        from baselines.peers.cloning import Demonstrations

        drawn = []
        for action in np.unique(data.actions):
            members = np.flatnonzero(data.actions == action)
            totals = np.cumsum(data.shares[members])
            numbers = rng.random(self.batch) * totals[-1]
            drawn.append(members[np.searchsorted(totals, numbers, side="right")])
        rows = np.concatenate(drawn)
        targets = one_hot(data.actions[rows], data.action_count)
        return Demonstrations.of(states.data[rows], targets, np.ones(len(rows)))
