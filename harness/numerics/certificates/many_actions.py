"""The Bellman certificate's eigenvalues for many actions, from one decomposition for all of them.

Where the action ``a`` has the maximum offset, a Q-function's ``u`` lies in the hyperplane normal to
``γ e[c_a] + e[b]``, with ``b`` the bootstrapped coordinate. The forms of two actions thus are one
matrix, restricted to two hyperplanes. The number of eigenvalues above ``μ`` of a symmetric matrix
on a hyperplane is the number of positive eigenvalues of ``matrix - μ metric``, bordered by the
normal, less one. By the additivity of inertia it follows from the signs of ``eigenvalue - μ`` of a
block that all actions share, and from a Schur complement of order one or two for each of them.
"""

from __future__ import annotations

import numpy as np

from harness.core.arrays import BoolArray, Float64Array
from harness.numerics.certificates.regression import whitener

BISECTIONS = 55  # halvings of an interval: to the last digits of float64
OUTSIDE = 1e-6  # relative part of a normal outside of the rows' span that counts
CLIMBS = 200  # maximum steps of a search
GAIN = 1e-6  # minimum relative gain of a step


def action_bounds(difference: Float64Array, actions: int, discount: float) -> Float64Array:
    """``‖T_aᵀ ΔM T_a‖`` of every action ``a``, see `BellmanCertificate`.

    Args:
        difference: ``ΔM``, shape ``(q, q)`` with ``q = obs_dim + 1 + actions + 2``.
        actions: Number of actions.
        discount: γ.

    Returns:
        Shape ``(actions,)``, each an upper bound up to rounding.
    """
    unit = float(np.abs(difference).max())
    if unit == 0:
        return np.zeros(actions)
    sides = [_largest(sign / unit * difference, actions, discount) for sign in (1, -1)]
    bounds: Float64Array = unit * np.maximum(*sides)
    return bounds


def largest_relative_gap(
    goal: Float64Array, difference: Float64Array, actions: int, discount: float
) -> float:
    """Maximum over actions of the relative bound, on the span of the full rows.

    Args:
        goal: ``M`` of the full rows, shape ``(q, q)``.
        difference: ``ΔM``, shape ``(q, q)``.
        actions: Number of actions.
        discount: γ.
    """
    inverse = whitener(goal)
    values, frame = np.linalg.eigh(inverse.T @ difference @ inverse)
    reach = float(np.abs(values).max(initial=0.0))
    if reach == 0:
        return 0.0
    normals = _normals(len(goal), actions, discount)
    free = _leave_span(normals, goal, inverse)
    # a normal that leaves the span restricts nothing within it
    columns = np.where(free[:, None], 0.0, normals @ inverse @ frame)[:, :, None]
    corners = np.where(free, 1.0, 0.0)[:, None, None]
    sides = [_bisect(sign * values, columns, corners, reach) for sign in (1, -1)]
    return max(0.0, float(np.maximum(*sides).max()))


def climb(
    form: Float64Array, bound: float, start: Float64Array, actions: int, action: int
) -> Float64Array:
    """Climb to a local maximum of ``|vᵀ form v|`` over Q-functions whose best action is given.

    Q-functions with that best action are a convex cone. On it, and on the unit ball, a convex
    form's linearisation is maximal at the projection of its gradient, so that no step descends.

    Args:
        form: Symmetric, ``(n, n)``, on ``v = (w, c, λ)``.
        bound: At least its operator norm.
        start: A Q-function ``(n,)``.
        actions: Number of actions, the length of ``c``.
        action: The best one.

    Returns:
        A Q-function of norm one, ``(n,)``, or zero where ``start`` has no projection.
    """
    found = _project(start, actions, action)
    value = float(found @ form @ found)
    convex = np.copysign(1.0, value) * form
    convex[np.diag_indices_from(convex)] += bound
    gap = abs(value)
    for _ in range(CLIMBS):
        higher = _project(convex @ found, actions, action)
        reached = abs(float(higher @ form @ higher))
        if reached <= gap * (1 + GAIN):
            break
        found, gap = higher, reached
    return found


def _project(vector: Float64Array, actions: int, action: int) -> Float64Array:
    """Nearest Q-function with that best action, scaled to norm one; zero if it is zero."""
    offsets = slice(len(vector) - 1 - actions, len(vector) - 1)
    given = vector[offsets]
    others = np.sort(np.delete(given, action))[::-1]
    # pooled with the largest others, as many as exceed the mean of the pool
    means = (given[action] + np.append(0.0, np.cumsum(others))) / np.arange(1, actions + 1)
    level = means[np.argmax(np.append(others, -np.inf) <= means)]
    nearest = vector.copy()
    nearest[offsets] = np.minimum(given, level)
    nearest[offsets.start + action] = level
    norm = np.linalg.norm(nearest)
    return nearest / norm if norm > 0 else np.zeros_like(vector)


def _largest(difference: Float64Array, actions: int, discount: float) -> Float64Array:
    """Largest eigenvalue of ``T_aᵀ ΔM T_a`` of every action, ``(actions,)``.

    The metric is that of ``v``, so that ``μ`` is subtracted from all coordinates but ``b``.
    """
    values, frame = np.linalg.eigh(difference[:-1, :-1])
    shared = np.broadcast_to(frame.T @ difference[:-1, -1], (actions, len(frame)))
    own = discount * frame[-1 - actions : -1]
    corner = np.array([[difference[-1, -1], 1.0], [1.0, 0.0]])
    reach = np.abs(values).max() + 2 * np.linalg.norm(shared[0]) + abs(corner[0, 0])
    columns = np.stack([shared, own], axis=2)
    return _bisect(values, columns, np.broadcast_to(corner, (actions, 2, 2)), float(reach))


def _bisect(
    values: Float64Array, columns: Float64Array, corners: Float64Array, reach: float
) -> Float64Array:
    """Largest eigenvalue of every action's form.

    Args:
        values: Eigenvalues of the shared block, ``(n,)``.
        columns: Each action's other columns in its eigenvectors, the normal last, ``(A, n, k)``.
        corners: The block of these columns, ``(A, k, k)``.
        reach: No eigenvalue of any form is larger in size.
    """
    low, high = np.full(len(columns), -reach), np.full(len(columns), reach)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = _any_above(middle, values, columns, corners)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def _any_above(
    levels: Float64Array, values: Float64Array, columns: Float64Array, corners: Float64Array
) -> BoolArray:
    """Whether each action's form has an eigenvalue above its level, ``(A,)``."""
    gaps = levels[:, None] - values
    gaps[gaps == 0] = np.finfo(float).eps * np.abs(values).max(initial=1.0)
    schur = corners + np.matmul((columns / gaps[:, :, None]).transpose(0, 2, 1), columns)
    positive = (np.linalg.eigvalsh(schur) > 0).sum(axis=1)
    found: BoolArray = (gaps < 0).sum(axis=1) + positive > 1
    return found


def _normals(size: int, actions: int, discount: float) -> Float64Array:
    normals = np.zeros((actions, size))
    normals[np.arange(actions), size - 2 - actions + np.arange(actions)] = discount
    normals[:, -1] = 1.0
    return normals


def _leave_span(normals: Float64Array, goal: Float64Array, inverse: Float64Array) -> BoolArray:
    """Whether normals have a part outside of the span of ``goal``, every column at unit scale."""
    scale = np.sqrt(np.maximum(np.diag(goal), 0.0))
    scale[scale == 0] = 1.0
    outside = normals - normals @ inverse @ (inverse.T @ goal)
    parts: BoolArray = np.linalg.norm(outside / scale, axis=1) > OUTSIDE * np.linalg.norm(
        normals / scale, axis=1
    )
    return parts
