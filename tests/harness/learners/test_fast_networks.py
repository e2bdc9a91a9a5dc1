"""The compiled passes through a network, against torch's automatic gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.learners.fast.training import start_networks
from harness.numerics.q_networks.layers import (
    Shape,
    backward,
    forward,
    make_room,
    mean_values,
    units_of,
)
from harness.numerics.q_networks.steps import find_distinct


def torch_values(
    parameters: torch.Tensor, shape: Shape, observations: torch.Tensor
) -> torch.Tensor:
    units = observations
    for layer, (inside, outside) in enumerate(zip(shape.sizes, shape.sizes[1:], strict=False)):
        part = parameters[shape.offsets[layer] : shape.offsets[layer + 1]]
        weights, biases = part[:-outside].reshape(outside, inside), part[-outside:]
        units = units @ weights.T + biases
        if layer < len(shape.sizes) - 2:
            units = torch.relu(units)
    return units


@pytest.mark.parametrize("hidden", [(5,), (7, 4), (3, 6, 2)])
@pytest.mark.parametrize("rows", [1, 9])
def test_gradients_are_torchs(hidden: tuple[int, ...], rows: int) -> None:
    rng = np.random.default_rng(len(hidden) + rows)
    shape = Shape.of(3, hidden, 4)
    parameters = rng.normal(size=shape.offsets[-1])
    observations, actions = rng.normal(size=(rows, 3)), rng.integers(4, size=rows)
    slopes = rng.normal(size=rows)
    room, errors = (make_room(shape, rows, parameters[None]) for _ in range(2))
    units_of(room, shape, 0, rows)[:] = observations
    forward(parameters, shape, room, rows)
    errors[-1, :rows] = slopes
    gradient = np.full_like(parameters, np.nan)
    backward(parameters, shape, room, rows, errors, actions, gradient)

    known = torch.tensor(parameters, requires_grad=True)
    values = torch_values(known, shape, torch.tensor(observations))
    np.testing.assert_allclose(
        units_of(room, shape, len(shape.sizes) - 1, rows), values.detach(), rtol=1e-12
    )
    chosen = values[torch.arange(rows), torch.tensor(actions)]
    (expected,) = torch.autograd.grad((chosen * torch.tensor(slopes)).sum(), known)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-13)


def test_values_are_the_mean_over_networks_however_many_rows() -> None:
    rng = np.random.default_rng(0)
    shape = Shape.of(2, (6,), 3)
    networks = start_networks(rng.normal(size=(3, shape.offsets[-1])))
    observations = rng.normal(size=(700, 2))
    found = mean_values(networks.parameters, shape, observations)
    each = [
        torch_values(torch.tensor(one), shape, torch.tensor(observations))
        for one in networks.parameters
    ]
    np.testing.assert_allclose(found, torch.stack(each).mean(dim=0), rtol=1e-10, atol=1e-13)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 11), min_size=1, max_size=40))
def test_rows_drawn_several_times_are_counted(draw: list[int]) -> None:
    places, drawn, counts = np.full(12, -1), np.zeros(40, np.int64), np.zeros(40, np.int64)
    found = find_distinct(np.array(draw), places, drawn, counts)
    expected = {row: draw.count(row) for row in draw}
    assert dict(zip(drawn[:found].tolist(), counts[:found].tolist(), strict=True)) == expected
    assert (places == -1).all()
