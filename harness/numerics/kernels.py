"""Kernels of states, by which regression from few rows is judged, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    sizes, cosines = _sizes_and_cosines(left, right)
    tangent = cosines.copy()
    for _ in range(2):
        angles = np.arccos(cosines)
        cosines = _next_cosines(cosines, angles)
        tangent = tangent * (1 - angles / np.pi) + cosines
    kernel: Float64Array = tangent * sizes / (3 * (1 + left.shape[1]))
    return kernel


def _sizes_and_cosines(
    left: Float64Array, right: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Products of the lengths of states with a one appended, and their cosines, ``(n, m)`` each."""
    sizes = np.sqrt(np.outer(1 + np.square(left).sum(axis=1), 1 + np.square(right).sum(axis=1)))
    return sizes, np.clip((1 + left @ right.T) / sizes, -1, 1)


def _next_cosines(cosines: Float64Array, angles: Float64Array) -> Float64Array:
    """Cosines of the next layer's units, for those of this one and their angles."""
    found: Float64Array = np.clip((np.sin(angles) + (np.pi - angles) * cosines) / np.pi, -1, 1)
    return found


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


ALIKE = 1e-14  # below which what a cosine lacks to one is rounding, that arccos would magnify
LEAST_ANGLE = 1e-10  # squared sine, in the place of smaller ones in derivatives


@dataclass(frozen=True, eq=False)
class KernelSlopes:
    """A kernel of states x and z with its derivatives by z, which are ``P x + Q z``."""

    left: Float64Array  # (n, d) x
    right: Float64Array  # (m, d) z
    values: Float64Array  # (n, m)
    of_left: Float64Array  # (n, m) P
    of_right: Float64Array  # (n, m) Q

    def pull_back(self, slopes: Float64Array) -> Float64Array:
        """Derivatives by z, ``(m, d)``, of what has the given ones by the values, ``(n, m)``."""
        own = (slopes * self.of_right).sum(axis=0)
        found: Float64Array = (slopes * self.of_left).T @ self.left + own[:, None] * self.right
        return found


def network_slopes(left: Float64Array, right: Float64Array) -> KernelSlopes:
    """`network_kernel` with its derivatives, of a state and itself those along the ray.

    Args:
        left: States ``(n, d)``.
        right: States ``(m, d)``.
    """
    sizes, first = _sizes_and_cosines(left, right)
    first[first > 1 - ALIKE] = 1
    cosines = tangent = first
    rise, tangent_rise = np.ones_like(first), np.ones_like(first)  # by the first cosines
    for _ in range(2):
        angles = np.arccos(cosines)
        share = 1 - angles / np.pi
        bend = 1 / (np.pi * np.sqrt(np.maximum(1 - np.square(cosines), LEAST_ANGLE)))
        tangent_rise = tangent_rise * share + (tangent * bend + share) * rise
        rise = rise * share
        cosines = _next_cosines(cosines, angles)
        tangent = tangent * share + cosines
    count = 3 * (1 + left.shape[1])
    values = tangent * sizes / count
    turned = values - sizes * tangent_rise * first / count
    lengths = 1 + np.square(right).sum(axis=1)
    return KernelSlopes(left, right, values, tangent_rise / count, turned / lengths)


def gaussian_slopes(left: Float64Array, right: Float64Array) -> KernelSlopes:
    """`gaussian_kernel` with its derivatives.

    Args:
        left: States ``(n, d)``.
        right: States ``(m, d)``.
    """
    values = gaussian_kernel(left, right)
    slopes = values / left.shape[1]
    return KernelSlopes(left, right, values, slopes, -slopes)
