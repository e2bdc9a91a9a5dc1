"""Networks of Q-values as flat arrays, in the order in which torch lists their parameters.

A network is a chain of linear layers with rectified units between them. The weights ``(out, in)``
of each layer stand before its biases ``(out,)``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.computing.compiling import compiled

CHUNK = 256  # rows that are passed through a network at a time where there are many


class Shape(NamedTuple):
    """The layers of a network."""

    sizes: NDArray[np.int64]  # (layers + 1,) units, observations first and actions last
    offsets: NDArray[np.int64]  # (layers + 1,) where the parameters of each layer begin, and end

    @classmethod
    def of(cls, obs_dim: int, hidden_units: tuple[int, ...], action_count: int) -> Shape:
        """Return the shape of a network."""
        sizes = np.array([obs_dim, *hidden_units, action_count])
        return cls(sizes, np.concatenate([[0], np.cumsum((sizes[:-1] + 1) * sizes[1:])]))


@compiled
def make_room(shape: Shape, rows: int, like: Any) -> Any:
    """Allocate the units of every layer for as many rows, ``(layers + 1, rows * widest)``."""
    return np.empty((len(shape.sizes), rows * shape.sizes.max()), like.dtype)


@compiled
def layer_of(parameters: Any, shape: Shape, layer: int) -> Any:
    """Views of the weights ``(out, in)`` and biases ``(out,)`` of a layer."""
    begin, end = shape.offsets[layer], shape.offsets[layer + 1]
    out = shape.sizes[layer + 1]
    weights = parameters[begin : end - out].reshape(out, shape.sizes[layer])
    return weights, parameters[end - out : end]


@compiled
def units_of(room: Any, shape: Shape, layer: int, rows: int) -> Any:
    """View of a layer's units, ``(rows, units)``."""
    count = shape.sizes[layer]
    return room[layer, : rows * count].reshape(rows, count)


@compiled
def forward(parameters: Any, shape: Shape, room: Any, rows: int) -> None:
    """Compute all units from those of layer 0."""
    last = len(shape.sizes) - 2
    for layer in range(last + 1):
        weights, biases = layer_of(parameters, shape, layer)
        units = units_of(room, shape, layer + 1, rows)
        np.dot(units_of(room, shape, layer, rows), weights.T, units)
        for row in range(rows):
            for unit in range(len(biases)):
                units[row, unit] += biases[unit]
                if layer < last and units[row, unit] < 0:
                    units[row, unit] = 0


@compiled
def backward(
    parameters: Any, shape: Shape, room: Any, rows: int, errors: Any, actions: Any, gradient: Any
) -> None:
    """Compute the gradient of the parameters from that of the chosen actions' values.

    Args:
        parameters: Of one network, ``(P,)``.
        shape: Of the network.
        room: Its units, as `forward` left them.
        rows: Number of rows.
        errors: Room for the gradient of the units; at first, in the last layer, that of the value
            of each row's action, ``(rows,)``.
        actions: ``(rows,)``.
        gradient: Is filled, ``(P,)``.
    """
    _backward_last(parameters, shape, room, rows, errors, actions, gradient)
    for layer in range(len(shape.sizes) - 3, -1, -1):
        weights, _ = layer_of(parameters, shape, layer)
        weights_gradient, biases_gradient = layer_of(gradient, shape, layer)
        above = units_of(errors, shape, layer + 1, rows)
        units = units_of(room, shape, layer, rows)
        np.dot(above.T, units, weights_gradient)
        biases_gradient[:] = 0
        for row in range(rows):
            for unit in range(len(biases_gradient)):
                biases_gradient[unit] += above[row, unit]
        if layer > 0:
            below = units_of(errors, shape, layer, rows)
            np.dot(above, weights, below)
            for row in range(rows):
                for unit in range(below.shape[1]):
                    if units[row, unit] <= 0:
                        below[row, unit] = 0


@compiled
def _backward_last(
    parameters: Any, shape: Shape, room: Any, rows: int, errors: Any, actions: Any, gradient: Any
) -> None:
    """Only the chosen action of a row has an error, which a product of matrices cannot use."""
    last = len(shape.sizes) - 2
    weights, _ = layer_of(parameters, shape, last)
    weights_gradient, biases_gradient = layer_of(gradient, shape, last)
    units, below = units_of(room, shape, last, rows), units_of(errors, shape, last, rows)
    weights_gradient[:] = 0
    biases_gradient[:] = 0
    for row in range(rows):
        action, error = actions[row], errors[last + 1, row]
        biases_gradient[action] += error
        for unit in range(units.shape[1]):
            weights_gradient[action, unit] += error * units[row, unit]
            below[row, unit] = error * weights[action, unit]
            if last > 0 and units[row, unit] <= 0:
                below[row, unit] = 0


@compiled
def place(room: Any, shape: Shape, table: Any, rows: Any, count: int) -> None:
    """Copy rows of a table to the units of layer 0."""
    units = units_of(room, shape, 0, count)
    for row in range(count):
        for unit in range(units.shape[1]):
            units[row, unit] = table[rows[row], unit]


@compiled
def mean_values(parameters: Any, shape: Shape, observations: Any) -> Any:
    """Mean of the networks' values of every action, ``(N, obs_dim) -> (N, action_count)``."""
    found = np.zeros((len(observations), shape.sizes[-1]), parameters.dtype)
    room = make_room(shape, min(CHUNK, len(observations)), parameters)
    for begin in range(0, len(observations), CHUNK):
        block = observations[begin : begin + CHUNK]
        for critic in range(len(parameters)):
            units_of(room, shape, 0, len(block))[:] = block
            forward(parameters[critic], shape, room, len(block))
            values = units_of(room, shape, len(shape.sizes) - 1, len(block))
            found[begin : begin + CHUNK] += values
    found[:] = found / len(parameters)  # an integer makes double precision of single
    return found
