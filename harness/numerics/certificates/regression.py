"""Maximum loss gap between two datasets over all linear regressors, from one eigenvalue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array
from harness.core.errors import InputError
from harness.core.regression_set import RegressionSet
from harness.numerics.moment_matching import root
from harness.numerics.moments import Moments


@dataclass(frozen=True, eq=False)
class RegressionCertificate:
    """Maximum loss gap between two datasets over linear regressors ``g`` on ``ζ = (x, y)``.

    The loss of ``g`` is ``E[(g·ζ)²]``; both bounds are attained by the regressor given with them.
    """

    worst_gap: float  # maximum of |L_train - L_syn| over regressors of norm at most one
    regressor: Float64Array  # (q,) of norm one, attains it
    relative_gap: float  # maximum of |L_train - L_syn| / L_train on the span of the training rows
    relative_regressor: Float64Array  # (q,) with L_train = 1, attains it


def regression_moments(data: RegressionSet) -> Moments:
    """Moments of the rows ``ζ = (x, y)``, shape ``(d + 1,)`` and ``(d + 1, d + 1)``."""
    return Moments.of(data.features, data.targets, weights=data.weights)


def regression_certificate(
    train: Moments | Float64Array, synthetic: Moments | Float64Array
) -> RegressionCertificate:
    """Bound the loss gap of every homogeneous linear regressor.

    ``L_train(g) - L_syn(g) = gᵀ(M_train - M_syn)g``, so that the worst case over the unit ball is
    the operator norm of the difference of second moments. The relative gap is the same after
    whitening by ``M_train``: it does not depend on the columns' units. With collinear columns it is
    restricted to the directions that the training rows span.

    Args:
        train: Moments of the training rows, or ``E[ζζᵀ]`` of shape ``(q, q)``.
        synthetic: The same for the distilled rows.

    Raises:
        InputError: If the two differ in their columns.
    """
    goal, found = _second_moment(train), _second_moment(synthetic)
    if goal.shape != found.shape:
        raise InputError(
            f"second moments of shape {goal.shape} and {found.shape}: both sets need the same "
            "features and a target; check that they come from one dataset"
        )
    difference = goal - found
    worst_gap, regressor = _extreme(difference)
    inverse = whitener(goal)
    relative_gap, direction = _extreme(inverse.T @ difference @ inverse)
    return RegressionCertificate(worst_gap, regressor, relative_gap, inverse @ direction)


def _second_moment(moments: Moments | Float64Array) -> Float64Array:
    return moments.second_moment if isinstance(moments, Moments) else moments


def _extreme(matrix: Float64Array) -> tuple[float, Float64Array]:
    """Operator norm of a symmetric matrix, and the eigenvector that attains it."""
    if not len(matrix):
        return 0.0, np.zeros(0)
    values, vectors = np.linalg.eigh(matrix)
    worst = int(np.argmax(np.abs(values)))
    return float(np.abs(values[worst])), vectors[:, worst]


def whitener(matrix: Float64Array) -> Float64Array:
    """Compute ``W (q, r)`` with ``Wᵀ matrix W = I`` and ``r`` the rank.

    The rank of the positive semi-definite ``matrix (q, q)`` is determined with every column at unit
    scale.
    """
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    scale[scale == 0] = 1.0
    inverse: Float64Array = scipy.linalg.pinv(root(matrix) / scale, rtol=0.0)
    return inverse / scale[:, None]
