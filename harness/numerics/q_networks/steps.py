"""Gradient steps of Q-learning, compiled: what d3rlpy's DQN does with AdamW, and nothing less.

Two things make a step on a small dataset cheaper without changing what it computes. A row that is
drawn several times in a mini-batch is passed through the network once, with a weight. And targets
change only when the target network does: where that is cheaper, all are computed then.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.computing.compiling import compiled
from harness.numerics.q_networks.layers import (
    CHUNK,
    Shape,
    backward,
    forward,
    make_room,
    place,
    units_of,
)

BETAS, EPSILON = (0.9, 0.999), 1e-8  # torch's defaults of AdamW, which d3rlpy keeps


class Rows(NamedTuple):
    """Transitions, as floats of one precision."""

    observations: NDArray[Any]  # (N, obs_dim)
    actions: NDArray[np.int64]  # (N,)
    rewards: NDArray[Any]  # (N,) scaled
    next_observations: NDArray[Any]  # (N, obs_dim)
    decay: NDArray[Any]  # (N,) γ, and 0 in terminated rows


class Networks(NamedTuple):
    """The networks of an ensemble and the state of their optimiser; steps change them in place."""

    parameters: NDArray[Any]  # (critics, P)
    targets: NDArray[Any]  # (critics, P) of the target networks
    means: NDArray[Any]  # (critics, P) running means of the gradient
    squares: NDArray[Any]  # (critics, P) and of its squares


class Rates(NamedTuple):
    """How far AdamW goes in each gradient step."""

    keep: NDArray[Any]  # (S,) factor of the parameters, by which weight decay lowers them
    rate: NDArray[Any]  # (S,) learning rate over the bias correction of the means
    root: NDArray[Any]  # (S,) root of the bias correction of the squares
    moments: NDArray[Any]  # (4,) 1 - β₁, β₂, 1 - β₂ and ε of AdamW


class Plan(NamedTuple):
    """What some gradient steps draw, and how far they go."""

    draws: NDArray[np.int64]  # (S, B) rows of each mini-batch
    rates: Rates
    refresh: NDArray[np.bool_]  # (S,) whether the target networks are updated after the step


def cosine_rate(initial: float, total: int, steps: Any) -> Any:
    """Learning rate of a step of ``total``, or of several, cooled from ``initial`` to zero."""
    return initial * (1 + np.cos(np.pi * steps / total)) / 2


def cosine_rates(
    initial: float,
    total: int,
    steps: NDArray[np.int64],
    weight_decay: float = 0.0,
    precision: type[np.floating[Any]] = np.float32,
) -> Rates:
    """Rates of some of all gradient steps, cooled to zero by a cosine.

    Args:
        initial: Learning rate of the first.
        total: Number of steps in all.
        steps: Those that are taken, counted from 0, ``(S,)``.
        weight_decay: Of AdamW, per step, times the learning rate.
        precision: Of the networks.
    """
    rates = cosine_rate(initial, total, steps)
    first, second = BETAS
    return Rates(
        keep=(1 - rates * weight_decay).astype(precision),
        rate=(rates / (1 - first ** (steps + 1))).astype(precision),
        root=np.sqrt(1 - second ** (steps + 1)).astype(precision),
        moments=np.array([1 - first, second, 1 - second, EPSILON], precision),
    )


@compiled
def take_steps(networks: Networks, shape: Shape, rows: Rows, plan: Plan, ahead: bool) -> Any:
    """Take gradient steps.

    Args:
        networks: Are changed in place.
        shape: Of each network.
        rows: The dataset.
        plan: Of the steps.
        ahead: Whether targets of all rows are computed whenever the target networks change,
            instead of those of a mini-batch at every step.

    Returns:
        The loss of each step, summed over critics, ``(S,)``.
    """
    batch = plan.draws.shape[1]
    like = networks.parameters
    room = make_room(shape, max(batch, CHUNK), like)
    errors = make_room(shape, batch, like)
    gradient = np.empty(like.shape[1], like.dtype)
    places = np.full(len(rows.rewards), -1)
    drawn, counts = np.empty(batch, np.int64), np.empty(batch, np.int64)
    targets = np.empty(len(rows.rewards), like.dtype)
    losses = np.zeros(len(plan.draws))
    if ahead:
        set_targets(networks, shape, rows, np.arange(len(targets)), room, targets)
    for step in range(len(plan.draws)):
        count = find_distinct(plan.draws[step], places, drawn, counts)
        if not ahead:
            set_targets(networks, shape, rows, drawn[:count], room, targets)
        place(room, shape, rows.observations, drawn, count)
        for critic in range(len(like)):
            forward(networks.parameters[critic], shape, room, count)
            losses[step] += (
                set_errors(shape, rows, drawn[:count], counts, targets, room, errors) / batch
            )
            actions = rows.actions[drawn[:count]]
            backward(networks.parameters[critic], shape, room, count, errors, actions, gradient)
            descend(networks, critic, gradient, plan.rates, step)
        if plan.refresh[step]:
            networks.targets[:] = networks.parameters
            if ahead:
                set_targets(networks, shape, rows, np.arange(len(targets)), room, targets)
    return losses


@compiled
def find_distinct(draw: Any, places: Any, drawn: Any, counts: Any) -> int:
    """List the distinct rows of a mini-batch and how often each occurs; return their number.

    Args:
        draw: Rows, ``(B,)``.
        places: -1 for every row of the dataset, ``(N,)``; is left as it was.
        drawn: Is filled, ``(B,)``.
        counts: Is filled, ``(B,)``.
    """
    found = 0
    for row in draw:
        if places[row] < 0:
            places[row], drawn[found], counts[found] = found, row, 0
            found += 1
        counts[places[row]] += 1
    for row in drawn[:found]:
        places[row] = -1
    return found


@compiled
def set_targets(
    networks: Networks, shape: Shape, rows: Rows, chosen: Any, room: Any, targets: Any
) -> None:
    """Store ``r + γ (1 - b) min_k Q_k(s', a')`` of some rows; a' is greedy for the mean of Q."""
    critics, actions = len(networks.targets), shape.sizes[-1]
    values = np.empty((critics, CHUNK, actions), targets.dtype)
    for begin in range(0, len(chosen), CHUNK):
        block = chosen[begin : begin + CHUNK]
        place(room, shape, rows.next_observations, block, len(block))
        for critic in range(critics):
            forward(networks.targets[critic], shape, room, len(block))
            values[critic, : len(block)] = units_of(room, shape, len(shape.sizes) - 1, len(block))
        for position, row in enumerate(block):
            worth = _least_at_greedy(values[:, position])
            targets[row] = rows.rewards[row] + rows.decay[row] * worth


@compiled
def _least_at_greedy(values: Any) -> Any:
    """Least value over critics of the action that is greedy for their mean, of ``(K, A)``."""
    sums = values[0].copy()
    for critic in range(1, len(values)):
        sums += values[critic]
    return values[:, np.argmax(sums)].min()


@compiled
def set_errors(
    shape: Shape, rows: Rows, drawn: Any, counts: Any, targets: Any, room: Any, errors: Any
) -> float:
    """Store the gradient of the Huber loss at each row's value, and return the summed loss."""
    last = len(shape.sizes) - 1
    values = units_of(room, shape, last, len(drawn))
    batch, total = counts[: len(drawn)].sum(), 0.0
    for position, row in enumerate(drawn):
        gap = values[position, rows.actions[row]] - targets[row]
        if abs(gap) < 1:
            total += counts[position] * 0.5 * gap * gap
            slope = gap
        else:
            total += counts[position] * (abs(gap) - 0.5)
            slope = np.sign(gap)
        errors[last, position] = slope * counts[position] / batch
    return total


@compiled
def descend(networks: Networks, critic: int, gradient: Any, rates: Rates, step: int) -> None:
    """Take a step of AdamW, in the order of torch's operations."""
    parameters, means, squares = (
        networks.parameters[critic],
        networks.means[critic],
        networks.squares[critic],
    )
    news, old_square, new_square, epsilon = rates.moments
    keep, rate, root = rates.keep[step], rates.rate[step], rates.root[step]
    for i in range(len(gradient)):
        means[i] += (gradient[i] - means[i]) * news
        squares[i] = squares[i] * old_square + gradient[i] * gradient[i] * new_square
        moved = means[i] / (np.sqrt(squares[i]) / root + epsilon)
        parameters[i] = parameters[i] * keep - rate * moved
