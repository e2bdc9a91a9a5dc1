from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.core.arrays import Float64Array
from harness.numerics.kernels import (
    KERNELS,
    Kernel,
    KernelSlopes,
    gaussian_kernel,
    gaussian_slopes,
    network_kernel,
    network_slopes,
)


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_positive_of_mean_diagonal_one(name: str) -> None:
    states = np.random.default_rng(0).normal(size=(60, 3))
    states = (states - states.mean(axis=0)) / states.std(axis=0)
    kernel = KERNELS[name](states, states)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9
    assert np.diag(kernel).mean() == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(KERNELS[name](states[:4], states), kernel[:4], atol=1e-7)


def test_the_network_kernel_is_the_tangent_kernel_of_wide_networks() -> None:
    """Sum over all weights of the products of gradients, of one network of 3,000 units a layer."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(6, 2))
    width = 3000
    inputs = np.column_stack([states, np.ones(6)]) / np.sqrt(3)
    first, second = rng.normal(size=(3, width)), rng.normal(size=(width, width))
    last = rng.normal(size=width)
    one = np.maximum(inputs @ first, 0) * np.sqrt(2 / width)
    two = np.maximum(one @ second, 0) * np.sqrt(2 / width)
    to_two = last * (two > 0) * np.sqrt(2 / width)
    to_one = (to_two @ second.T) * (one > 0) * np.sqrt(2 / width)
    tangent = two @ two.T + (one @ one.T) * (to_two @ to_two.T)
    tangent += (inputs @ inputs.T) * (to_one @ to_one.T)
    np.testing.assert_allclose(network_kernel(states, states), tangent / 3, rtol=0.1, atol=0.02)


@pytest.mark.parametrize(
    ("kernel", "slopes"), [(network_kernel, network_slopes), (gaussian_kernel, gaussian_slopes)]
)
def test_slopes_are_the_derivatives_of_the_kernel(
    kernel: Kernel, slopes: Callable[[Float64Array, Float64Array], KernelSlopes]
) -> None:
    """Also where a state meets itself, at which the network's angle has none."""
    rng = np.random.default_rng(0)
    left = 2 * rng.normal(size=(7, 3))
    right = np.concatenate([rng.normal(size=(3, 3)), left[:2]])
    found = slopes(left, right)
    np.testing.assert_allclose(found.values, kernel(left, right), rtol=1e-12)
    weights = rng.normal(size=(7, 5))
    weights[[0, 1], [3, 4]] = 0.0
    pulled = found.pull_back(weights)
    for place in np.ndindex(right.shape):
        ahead, behind = right.copy(), right.copy()
        ahead[place] += 1e-6
        behind[place] -= 1e-6
        change = float((weights * (kernel(left, ahead) - kernel(left, behind))).sum())
        assert pulled[place] == pytest.approx(change / 2e-6, rel=1e-5, abs=1e-6)
    along = slopes(left, left).pull_back(np.eye(7))
    lengths = np.square(left) if kernel is network_kernel else 0 * left
    np.testing.assert_allclose(along * left, lengths / 4, atol=1e-6)
