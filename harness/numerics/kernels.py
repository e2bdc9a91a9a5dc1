"""Kernels of states, by which regression from few rows is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.spatial.distance import cdist

from harness.core.arrays import Float64Array

Kernel = Callable[[Float64Array, Float64Array], Float64Array]


def linear_kernel(left: Float64Array, right: Float64Array) -> Float64Array:
    """Kernel of affine functions.

    Args:
        left: States ``(n, d)``.
        right: States ``(m, d)``.

    Returns:
        The kernel, ``(n, m)``.
    """
    kernel: Float64Array = (1 + left @ right.T) / (1 + left.shape[1])
    return kernel


def network_kernel(left: Float64Array, right: Float64Array) -> Float64Array:
    """Neural tangent kernel of a network of two hidden ReLU layers, in closed form.

    By the arc-cosine recursion (Cho and Saul, NeurIPS 2009; Jacot, Gabriel and Hongler, NeurIPS
    2018), a constant input in place of biases. A wide network that has an output for each action
    has this kernel within an action, and zero across actions.

    Args:
        left: States ``(n, d)``.
        right: States ``(m, d)``.

    Returns:
        The kernel, ``(n, m)``.
    """
    sizes = np.sqrt(np.outer(1 + np.square(left).sum(axis=1), 1 + np.square(right).sum(axis=1)))
    cosines = np.clip((1 + left @ right.T) / sizes, -1, 1)
    tangent = cosines.copy()
    for _ in range(2):
        angles = np.arccos(cosines)
        cosines = np.clip((np.sin(angles) + (np.pi - angles) * cosines) / np.pi, -1, 1)
        tangent = tangent * (1 - angles / np.pi) + cosines
    kernel: Float64Array = tangent * sizes / (3 * (1 + left.shape[1]))
    return kernel


def gaussian_kernel(left: Float64Array, right: Float64Array) -> Float64Array:
    """Squared exponential kernel of length-scale ``√d``, of smooth functions.

    Args:
        left: States ``(n, d)``.
        right: States ``(m, d)``.

    Returns:
        The kernel, ``(n, m)``, with a diagonal of one.
    """
    kernel: Float64Array = np.exp(cdist(left, right, "sqeuclidean") / (-2 * left.shape[1]))
    return kernel


def laplace_kernel(left: Float64Array, right: Float64Array) -> Float64Array:
    """Exponential kernel of length-scale ``√d``, of rough functions.

    Args:
        left: States ``(n, d)``.
        right: States ``(m, d)``.

    Returns:
        The kernel, ``(n, m)``, with a diagonal of one.
    """
    kernel: Float64Array = np.exp(cdist(left, right) / -np.sqrt(left.shape[1]))
    return kernel


KERNELS: Final[dict[str, Kernel]] = {
    "linear": linear_kernel,
    "network": network_kernel,
    "gaussian": gaussian_kernel,
    "laplace": laplace_kernel,
}  # of diagonals whose mean is one over z-scored states
