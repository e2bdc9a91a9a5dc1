"""Pilot networks: what networks that regress a few rows would do elsewhere, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import FloatArray, IntArray
from harness.core.computing.compiling import compiled
from harness.numerics.q_networks.layers import (
    Shape,
    backward,
    forward,
    make_room,
    mean_values,
    place,
)
from harness.numerics.q_networks.steps import (
    Networks,
    Rates,
    Rows,
    cosine_rates,
    descend,
    set_errors,
)

Float32Array = NDArray[np.float32]


class Exam(NamedTuple):
    """States at which pilots act, and what each action loses there."""

    states: Float32Array  # (S, obs_dim)
    losses: NDArray[np.float64]  # (S, action_count) at least zero


def draw_pilots(shape: Shape, count: int, rng: np.random.Generator) -> Float32Array:
    """Draw initial parameters as torch draws those of linear layers, ``(count, P)``."""
    bounds = np.repeat(1 / np.sqrt(shape.sizes[:-1]), np.diff(shape.offsets))
    return (rng.uniform(-1, 1, size=(count, len(bounds))) * bounds).astype(np.float32)


def regressed(observations: FloatArray, actions: IntArray, rewards: FloatArray) -> Rows:
    """Rows whose rewards are regressed: no target is bootstrapped."""
    states = np.array(observations, np.float32, order="C")
    paid = np.array(rewards, np.float32)
    return Rows(states, np.array(actions), paid, states, np.zeros_like(paid))


def prepare() -> None:
    """Compile `examine`, or load it compiled."""
    shape, one = Shape.of(1, (1,), 1), np.zeros((1, 1))
    rows = regressed(one, np.zeros(1, np.int64), np.zeros(1))
    exam = Exam(rows.observations, one)
    pilots = draw_pilots(shape, 1, np.random.default_rng(0))
    examine(pilots, shape, rows, cosine_rates(1e-3, 1, np.arange(1)), exam, np.inf)


@compiled
def examine(
    pilots: Float32Array, shape: Shape, rows: Rows, rates: Rates, exam: Exam, limit: float
) -> float:
    """Train every pilot on all rows and return the mean of what their actions lose.

    Args:
        pilots: Initial parameters, ``(pilots, P)``.
        shape: Of each network.
        rows: What they regress: actions and rewards; nothing is bootstrapped.
        rates: Of the gradient steps, each of which takes all rows.
        exam: Where they act.
        limit: The rest is not trained once their mean must exceed it.

    Returns:
        The mean over pilots and states; infinity if it exceeds the limit.
    """
    total = 0.0
    for pilot in range(len(pilots)):
        trained = pilots[pilot : pilot + 1].copy()
        regress(trained, shape, rows, rates)
        values = mean_values(trained, shape, exam.states)
        for state in range(len(values)):
            total += exam.losses[state, np.argmax(values[state])]
        if total > limit * len(pilots) * len(values):
            return np.inf
    return total / (len(pilots) * len(exam.states))


@compiled
def regress(parameters: Any, shape: Shape, rows: Rows, rates: Rates) -> None:
    """Take gradient steps on all rows at once; changes the parameters ``(1, P)``."""
    count = len(rows.rewards)
    room, errors = make_room(shape, count, parameters), make_room(shape, count, parameters)
    gradient = np.empty(parameters.shape[1], parameters.dtype)
    every, once = np.arange(count), np.ones(count, np.int64)
    zeros = np.zeros_like(parameters)
    networks = Networks(parameters, parameters, zeros, zeros.copy())
    place(room, shape, rows.observations, every, count)
    for step in range(len(rates.keep)):
        forward(parameters[0], shape, room, count)
        set_errors(shape, rows, every, once, rows.rewards, room, errors)
        backward(parameters[0], shape, room, count, errors, rows.actions, gradient)
        descend(networks, 0, gradient, rates, step)
