"""Training by the fast engine: d3rlpy's initial weights, mini-batches and rates; compiled steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.computing.threads import one_thread
from harness.core.errors import InputError
from harness.core.learner import TrainedPolicy
from harness.core.transitions import Transitions
from harness.learners.d3rlpy_backend import Training, sampling_table
from harness.learners.fast.exchange import parameters_of
from harness.learners.fast.policy import FastPolicy
from harness.numerics.q_networks.layers import Shape, mean_values
from harness.numerics.q_networks.steps import Networks, Plan, Rows, cosine_rates, take_steps

STEPS_AT_ONCE = 500  # between which a time-out can end the training


def train(training: Training, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
    """Train networks of Q-values as d3rlpy does, and yield their policy at every checkpoint.

    Args:
        training: What d3rlpy would train with.
        transitions: The training set, with weighted rows.
        seed: Fixes initial weights and mini-batches, both as in d3rlpy's training.

    Raises:
        InputError: If the algorithm is another than d3rlpy's plain DQN.
    """
    algo = training.create(transitions, seed)
    if not training.is_plain_dqn(algo.config):
        raise InputError(
            f"the engine 'fast' trains d3rlpy's DQN, and this learner's {type(algo).__name__} has "
            "more to it: use the engine 'd3rlpy'"
        )
    interval = algo.config.target_update_interval
    networks = start_networks(parameters_of(algo))
    shape = Shape.of(transitions.obs_dim, training.hidden_units, transitions.action_count)
    rows = pack_rows(transitions, training.reward_scale, algo.config.gamma)
    planner = Planner(training, interval, transitions, seed)
    ahead = len(transitions) < training.batch_size * interval / 2
    policy = FastPolicy(networks, shape, training.reward_scale, algo)
    for part in range(1, training.checkpoints + 1):
        end = part * (training.steps // training.checkpoints)
        losses: list[float] = []
        while policy.step < end:
            plan = planner.plan(policy.step, min(policy.step + STEPS_AT_ONCE, end))
            with one_thread():
                losses.extend(take_steps(networks, shape, rows, plan, ahead))
            policy.step += len(plan.draws)
        yield TrainedPolicy(end, policy, {"loss": float(np.mean(losses))})


def prepare() -> None:
    """Compile the steps, or load them compiled: seconds the first time, and then a fraction."""
    shape, one = Shape.of(1, (1,), 1), np.zeros(1, np.float32)
    networks = start_networks(np.zeros((1, shape.offsets[-1]), np.float32))
    rows = Rows(one[:, None], np.zeros(1, np.int64), one, one[:, None], one)
    step = np.zeros(1, np.int64)
    plan = Plan(step[:, None], cosine_rates(1e-3, 1, step), np.zeros(1, np.bool_))
    take_steps(networks, shape, rows, plan, ahead=True)
    mean_values(networks.parameters, shape, rows.observations)


class Planner:
    """Draws the mini-batches that d3rlpy would be given, and schedules rates as torch does."""

    def __init__(
        self, training: Training, target_interval: int, transitions: Transitions, seed: int
    ) -> None:
        self._training = training
        self._interval = target_interval
        self._table = sampling_table(transitions)
        self._rng = np.random.default_rng(seed)

    def plan(self, begin: int, end: int, precision: type[np.floating[Any]] = np.float32) -> Plan:
        """Plan the gradient steps from ``begin`` to ``end``, of which ``begin`` are done."""
        settings, steps = self._training, np.arange(begin, end)
        numbers = self._rng.random((len(steps), settings.batch_size))
        return Plan(
            draws=np.searchsorted(self._table, numbers, side="right"),
            rates=cosine_rates(
                settings.learning_rate, settings.steps, steps, settings.weight_decay, precision
            ),
            refresh=steps % self._interval == 0,
        )


def start_networks(parameters: NDArray[Any]) -> Networks:
    """Networks before the first step, ``(critics, P)``; the target networks equal them."""
    zeros = np.zeros_like(parameters)
    return Networks(parameters.copy(), parameters.copy(), zeros, zeros.copy())


def pack_rows(
    transitions: Transitions,
    reward_scale: float,
    discount: float,
    precision: type[np.floating[Any]] = np.float32,
) -> Rows:
    """Copy transitions in one precision, rewards times ``reward_scale``.

    They are copied even where nothing changes: for arrays that are read-only, as datasets' are, all
    would be compiled once more.
    """
    return Rows(
        observations=np.array(transitions.observations, precision, order="C"),
        actions=np.array(transitions.actions, np.int64),
        rewards=(transitions.rewards * reward_scale).astype(precision),
        next_observations=np.array(transitions.next_observations, precision, order="C"),
        decay=(discount * ~transitions.terminations).astype(precision),
    )
