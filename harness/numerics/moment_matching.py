"""Moment matching: the equally weighted points of given moments closest to given points.

A root of a moment matrix ``M (q, q)`` is ``R (r, q)`` with ``RᵀR = M`` and ``r`` its rank. The
points ``Y (m, q)`` with ``YᵀY / m = M`` are exactly ``√m U R`` with orthonormal columns ``U``.
Among them ``‖(Y - X) / scale‖`` is minimal where ``tr(Uᵀ A)`` is maximal, ``A = (X / scale)
(R / scale)ᵀ``: at the orthogonal polar factor of ``A`` (Procrustes). For ``A`` of full rank this is
the affine map of ``X`` that has the moments; missing directions are completed orthogonally.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array

ROUNDING = 16 * np.finfo(float).eps


def root(matrix: Float64Array) -> Float64Array:
    """Factor a symmetric positive semi-definite matrix, ``(q, q) -> (r, q)``.

    The rank is determined with every column at unit scale: directions below about ``q`` times the
    machine precision count as collinear and are dropped.
    """
    scale = _positive(np.sqrt(np.maximum(np.diag(matrix), 0.0)))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    keep = values > len(matrix) * ROUNDING
    factor: Float64Array = (np.sqrt(values[keep]) * vectors[:, keep]).T * scale
    return factor


def second_moment_root(mean: Float64Array, covariance: Float64Array) -> Float64Array:
    """Root of ``covariance + mean meanᵀ``, without forming the sum, ``(q,), (q, q) -> (r, q)``.

    A mean far from zero would otherwise cost the covariance its precision.
    """
    stacked = np.vstack([root(covariance), mean])
    scale = _positive(np.linalg.norm(stacked, axis=0))
    _, values, rows = np.linalg.svd(stacked / scale, full_matrices=False)
    keep = values > max(stacked.shape) * ROUNDING * values[0]
    factor: Float64Array = values[keep, None] * rows[keep] * scale
    return factor


def truncated(factor: Float64Array, rank: int) -> Float64Array:
    """Root of the best low-rank approximation of ``RᵀR``, ``(r, q) -> (<= rank, q)``.

    It keeps the largest eigenvalues ``λ``. Its error is the largest dropped ``λ`` in operator norm
    and ``√Σλ²`` over the dropped in Frobenius norm, the minimum over matrices of that rank.
    """
    if len(factor) <= rank:
        return factor
    _, values, rows = np.linalg.svd(factor, full_matrices=False)
    kept: Float64Array = values[:rank, None] * rows[:rank]
    return kept


def nearest(start: Float64Array, factor: Float64Array, scale: Float64Array) -> Float64Array:
    """Points of second moment ``RᵀR`` closest to ``start``.

    Args:
        start: Points ``X (m, q)`` with ``m >= r``.
        factor: Root ``R (r, q)``.
        scale: Unit of distance along each column, ``(q,)``.

    Returns:
        Points ``(m, q)`` in the order of ``start``.
    """
    points: Float64Array = np.sqrt(len(start)) * _orthogonal(start, factor, scale) @ factor
    return points


def nearest_with_mean(
    start: Float64Array, mean: Float64Array, factor: Float64Array, scale: Float64Array
) -> Float64Array:
    """Points of given mean and covariance ``RᵀR`` closest to ``start``.

    Args:
        start: Points ``X (m, q)`` with ``m > r``.
        mean: Mean ``(q,)``.
        factor: Root ``R (r, q)`` of the covariance.
        scale: Unit of distance along each column, ``(q,)``.

    Returns:
        Points ``(m, q)`` in the order of ``start``.
    """
    centred = np.zeros_like(start)
    frame = _orthogonal(_reflected(start - start.mean(axis=0))[1:], factor, scale)
    centred[1:] = np.sqrt(len(start)) * frame @ factor
    return mean + _reflected(centred)


def _orthogonal(start: Float64Array, factor: Float64Array, scale: Float64Array) -> Float64Array:
    if not len(factor):
        return np.zeros((len(start), 0))
    frame: Float64Array = scipy.linalg.polar((start / scale) @ (factor / scale).T)[0]
    return frame


def _reflected(points: Float64Array) -> Float64Array:
    """Apply the Householder reflection that swaps the first axis and the constant vector.

    It is an isometry and its own inverse: rows 1, 2, … of the image of centred points are
    coordinates in the space of vectors that sum to zero.
    """
    if len(points) == 1:
        return points
    normal = np.full(len(points), -1 / np.sqrt(len(points)))
    normal[0] += 1
    half_square = 1 - 1 / np.sqrt(len(points))
    image: Float64Array = points - np.outer(normal, normal @ points) / half_square
    return image


def _positive(scale: Float64Array) -> Float64Array:
    return np.where(scale > 0, scale, 1.0)
