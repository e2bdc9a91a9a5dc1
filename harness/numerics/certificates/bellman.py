"""Bound on the Bellman-loss gap between two datasets over all additive linear Q-functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.core.arrays import Float64Array
from harness.core.computing.threads import one_thread
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.numerics.cell_moments import CellMoments
from harness.numerics.certificates.many_actions import (
    action_bounds,
    climb,
    largest_relative_gap,
)
from harness.numerics.certificates.regression import regression_certificate
from harness.numerics.moments import Moments
from harness.numerics.standardising import Standardiser

ENUMERATED = 8  # up to so many actions, every set of tied actions is enumerated
SEARCHED = 8  # of more actions, those of the largest bounds whose worst Q-function is searched for


@dataclass(frozen=True, eq=False)
class BellmanCertificate:
    """Bounds on the Bellman-loss gap between two datasets over additive linear Q-functions.

    A Q-function is ``v = (w, c, λ)`` with ``f(s, a) = w·(s, 1) + c[a]`` on observations that are
    z-scored with the full data's statistics, and the reward scale λ. Its loss is ``uᵀMu`` with
    ``u = T_a v = (w, c, -λ, -γ c[a])``, ``a`` the action of maximum ``c[a]`` and ``M`` the second
    moments of the rows ``ξ`` of `harness.numerics.features.additive_rows`.

    The bounds are ``max_a ‖T_aᵀ ΔM T_a‖`` and its whitened form, where ``a`` may be any action.
    With at most two actions they are attained: the form is even in ``v``, and one of ``v`` and
    ``-v`` has its maximum ``c`` at ``a``. With more actions they are upper bounds, since ``c[a]``
    may be neither maximum nor minimum; ``worst_gap`` is then the largest gap found, and beyond
    eight actions a local maximum. Its time grows with the cube of the number of actions.
    """

    bound: float  # of |L_full - L_reduced|, over Q-functions of norm at most one
    worst_gap: float  # gap of the Q-function below; at most the bound
    predictor: Float64Array  # (obs_dim + 1 + action_count + 1,) norm one: w, c and λ
    relative_bound: float  # of |L_full - L_reduced| / L_full, on the span of the full rows


def certify_bellman(full: Transitions, reduced: Transitions, discount: float) -> BellmanCertificate:
    """Bound the Bellman-loss gap of every additive linear Q-function.

    Args:
        full: The full dataset.
        reduced: Its reduction.
        discount: γ of the Bellman loss.

    Raises:
        InputError: If the sets differ in actions or in the size of an observation, or the discount
            is not in ``[0, 1)``.
    """
    with one_thread():
        return bellman_certificate(CellMoments.of(full), CellMoments.of(reduced), discount)


def bellman_certificate(
    full: CellMoments, reduced: CellMoments, discount: float
) -> BellmanCertificate:
    """Compute the certificate of `certify_bellman` from moments alone, as for streamed data.

    Raises:
        InputError: If the sets differ in actions or in the size of an observation, or the discount
            is not in ``[0, 1)``.
    """
    if not 0 <= discount < 1:
        raise InputError(f"discount {discount}: it must lie in [0, 1); choose such as 0.99")
    if (full.action_count, full.obs_dim) != (reduced.action_count, reduced.obs_dim):
        raise InputError(
            f"{full.action_count} actions and observations of dimension {full.obs_dim} against "
            f"{reduced.action_count} and {reduced.obs_dim}: both datasets must come from one "
            "environment; check which were given"
        )
    goal = bellman_moments(full, full.standardiser, discount)
    found = bellman_moments(reduced, full.standardiser, discount)
    if full.action_count > ENUMERATED:
        return _certificate_of_many(goal, found, full.action_count, discount)
    embeddings = [
        _embedding(full.obs_dim, full.action_count, action, discount)
        for action in range(full.action_count)
    ]
    bounds = [regression_certificate(T.T @ goal @ T, T.T @ found @ T) for T in embeddings]
    worst_gap, predictor = _worst(goal - found, embeddings)
    return BellmanCertificate(
        bound=max(worst_gap, *(bound.worst_gap for bound in bounds)),  # equal up to rounding
        worst_gap=worst_gap,
        predictor=predictor,
        relative_bound=max(bound.relative_gap for bound in bounds),
    )


def _certificate_of_many(
    goal: Float64Array, found: Float64Array, actions: int, discount: float
) -> BellmanCertificate:
    bounds = action_bounds(goal - found, actions, discount)
    worst_gap, predictor = _worst_of_many(goal - found, bounds, discount)
    return BellmanCertificate(
        bound=max(worst_gap, float(bounds.max())),
        worst_gap=worst_gap,
        predictor=predictor,
        relative_bound=largest_relative_gap(goal, goal - found, actions, discount),
    )


def bellman_moments(
    moments: CellMoments, standardiser: Standardiser, discount: float
) -> Float64Array:
    """Second moments ``E[ξξᵀ]`` of the rows of `additive_rows`, from the cell moments alone.

    Within a cell ``ξ`` is linear in ``(1, s, s', r)``.

    Returns:
        Shape ``(q, q)`` with ``q = obs_dim + 1 + action_count + 2``.
    """
    shares, d = moments.weights / moments.weights.sum(), moments.obs_dim
    total = np.zeros((d + moments.action_count + 3,) * 2)
    for cell, of_cell in enumerate(moments.cells):
        if of_cell:
            alive = 1.0 - cell % 2
            columns = np.array([*range(d + 1), d + 1 + cell // 2, len(total) - 2, len(total) - 1])
            total[np.ix_(columns, columns)] += shares[cell] * _cell_moments(
                of_cell, alive, standardiser, discount
            )
    return total


def _cell_moments(
    of_cell: Moments, alive: float, standardiser: Standardiser, discount: float
) -> Float64Array:
    """``E[ξξᵀ]`` of a cell's rows, without the coordinates of other actions, which are zero."""
    d = len(standardiser.mean)
    slope = np.zeros((d + 4, 2 * d + 1))
    slope[:d, :d] = np.diag(1 / standardiser.scale)
    slope[:d, d : 2 * d] = -discount * alive * slope[:d, :d]
    slope[-2, -1] = 1.0
    now, then = standardiser.apply(of_cell.mean[: 2 * d].reshape(2, d))
    states = now - discount * alive * then
    mean = np.array([*states, 1 - discount * alive, 1.0, of_cell.mean[-1], alive])
    return np.asarray(slope @ of_cell.covariance @ slope.T + np.outer(mean, mean))


def _embedding(obs_dim: int, action_count: int, action: int, discount: float) -> Float64Array:
    """``T_a`` with ``T_a (w, c, λ) = (w, c, -λ, -γ c[a])``."""
    size = obs_dim + 1 + action_count
    embedding = np.zeros((size + 2, size + 1))
    embedding[:size, :size] = np.eye(size)
    embedding[size, size] = -1.0
    embedding[size + 1, obs_dim + 1 + action] = -discount
    return embedding


def _worst(difference: Float64Array, embeddings: list[Float64Array]) -> tuple[float, Float64Array]:
    """Largest gap found over Q-functions of norm one, and its Q-function.

    At the maximum gap some actions tie for the maximum ``c``, and it is a local maximum within the
    linear space of Q-functions with that tie. Local maxima of a quadratic form on a sphere are
    global ones, so the worst Q-function is the top eigenvector of the form on that space, or of its
    negative. Enumerating all ties therefore finds it, unless eigenvalues coincide.
    """
    size, actions = embeddings[0].shape[1], len(embeddings)
    worst, worst_predictor = 0.0, np.eye(size)[0]
    for tied in _ties(actions):
        form = embeddings[tied[0]].T @ difference @ embeddings[tied[0]]
        basis = _tie_basis(size, actions, tied)
        vectors = basis @ np.linalg.eigh(basis.T @ form @ basis)[1][:, [0, -1]]
        for vector in np.hstack([vectors, -vectors]).T:
            predictor = _with_largest(vector, actions, tied[0])
            gap = abs(float(predictor @ form @ predictor))
            if gap > worst:
                worst, worst_predictor = gap, predictor
    return worst, worst_predictor


def _worst_of_many(
    difference: Float64Array, bounds: Float64Array, discount: float
) -> tuple[float, Float64Array]:
    """Largest gap found where few actions can be tried: by climbing from their eigenvectors."""
    actions = len(bounds)
    d = len(difference) - actions - 3
    worst, worst_predictor = 0.0, np.eye(len(difference) - 1)[0]
    for action in np.argsort(-bounds, kind="stable")[:SEARCHED].tolist():
        embedding = _embedding(d, actions, action, discount)
        form = embedding.T @ difference @ embedding
        vectors = np.linalg.eigh(form)[1][:, [0, -1]]
        for start in np.hstack([vectors, -vectors]).T:
            predictor = climb(form, float(bounds[action]), start, actions, action)
            gap = abs(float(predictor @ form @ predictor))
            if gap > worst:
                worst, worst_predictor = gap, predictor
    return worst, worst_predictor


def _ties(actions: int) -> Iterator[tuple[int, ...]]:
    for size in range(1, actions + 1):
        yield from combinations(range(actions), size)


def _tie_basis(size: int, actions: int, tied: tuple[int, ...]) -> Float64Array:
    """Orthonormal basis of the Q-functions for which ``c`` is equal at all tied actions."""
    first = size - 1 - actions
    columns = np.eye(size)
    columns[:, first + tied[0]] = columns[:, [first + action for action in tied]].sum(axis=1)
    columns[:, first + tied[0]] /= np.sqrt(len(tied))
    return np.delete(columns, [first + action for action in tied[1:]], axis=1)


def _with_largest(vector: Float64Array, actions: int, action: int) -> Float64Array:
    """Clip ``c`` at ``c[action]``, and return the Q-function scaled to norm one."""
    offsets = slice(len(vector) - 1 - actions, len(vector) - 1)
    predictor = vector.copy()
    predictor[offsets] = np.minimum(vector[offsets], vector[offsets][action])
    norm = np.linalg.norm(predictor)
    return predictor / norm if norm > 0 else vector * 0
