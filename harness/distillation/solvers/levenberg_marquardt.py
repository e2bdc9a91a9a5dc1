"""Levenberg–Marquardt over a convex set, with minimum-norm steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from harness.core.arrays import Float64Array

MIN_DAMPING, MAX_DAMPING = 1e-10, 1e8  # relative to the mean squared row of the Jacobian
STALLED = 5  # consecutive accepted steps that gain less than the tolerance
NO_SLOPE = 1e-10  # of the steepest: the sign of a smaller one is that of a rounding error


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A sum of squared residuals over a convex set."""

    residuals: Callable[[Float64Array], Float64Array]  # (n,) -> (r,)
    jacobian: Callable[[Float64Array], Float64Array]  # (n,) -> (r, n)
    project: Callable[[Float64Array], Float64Array]  # (n,) -> (n,), onto the set
    low: Float64Array  # (n,) bounds of the set, which identify blocked variables
    high: Float64Array  # (n,)


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The result of the search."""

    point: Float64Array  # (n,) the best point found, inside the set
    trace: tuple[float, ...]  # mean squared residual at the start and after each accepted step
    rejected: int  # number of steps that did not lower the loss, or made it non-finite


def minimise(
    problem: LeastSquares, start: Float64Array, iterations: int, tolerance: float
) -> SearchResult:
    """Minimise the mean squared residual from a start inside the set.

    Each step solves the damped normal equations in primal or dual form, whichever is smaller, with
    variables that press against a bound fixed, and is projected back onto the set. With more
    variables than residuals this is the minimum-norm step, so that points stay near the start.

    Args:
        problem: The residuals, their Jacobian and the set.
        start: Initial point, ``(n,)``.
        iterations: Maximum number of steps, including rejected ones.
        tolerance: The search ends when several consecutive steps have a smaller relative gain.

    Raises:
        FloatingPointError: If the residuals at the start are not finite.
    """
    point = problem.project(start)
    residuals = problem.residuals(point)
    trace = [float(np.mean(residuals**2))]
    if not np.isfinite(trace[0]):
        raise FloatingPointError(f"loss {trace[0]} at the start")
    jacobian, damping, rejected, stalled = problem.jacobian(point), 1e-3, 0, 0
    for _ in range(iterations):
        free = _free(problem, point, jacobian, residuals)
        if not free.any():  # every variable presses against its bound
            break
        trial = problem.project(point + _step(jacobian, residuals, free, damping))
        trial_residuals = problem.residuals(trial)
        loss = float(np.mean(trial_residuals**2))
        if not loss < trace[-1]:  # also if the loss is not finite
            rejected, damping = rejected + 1, damping * 8
            if damping > MAX_DAMPING:
                break
            continue
        stalled = stalled + 1 if loss > (1 - tolerance) * trace[-1] else 0
        point, residuals, damping = trial, trial_residuals, max(damping / 5, MIN_DAMPING)
        trace.append(loss)
        if stalled == STALLED or loss < np.finfo(float).eps ** 2:
            break
        jacobian = problem.jacobian(point)
    return SearchResult(point, tuple(trace), rejected)


def _free(
    problem: LeastSquares, point: Float64Array, jacobian: Float64Array, residuals: Float64Array
) -> Float64Array:
    """Zero for variables at a bound that the descent direction crosses, one for the others."""
    descent = -(jacobian.T @ residuals)
    descent[np.abs(descent) < NO_SLOPE * np.abs(descent).max(initial=0.0)] = 0.0
    blocked = ((point <= problem.low) & (descent < 0)) | ((point >= problem.high) & (descent > 0))
    return np.where(blocked, 0.0, 1.0)


def _step(
    jacobian: Float64Array, residuals: Float64Array, free: Float64Array, damping: float
) -> Float64Array:
    """Solve ``(JᵀJ + μI) p = -Jᵀr`` over the free variables."""
    reduced = jacobian * free
    if len(reduced) <= reduced.shape[1]:
        return -(reduced.T @ _solve(reduced @ reduced.T, residuals, damping))
    return -free * _solve(reduced.T @ reduced, reduced.T @ residuals, damping)


def _solve(matrix: Float64Array, right: Float64Array, damping: float) -> Float64Array:
    ridge = damping * max(float(np.trace(matrix)) / len(matrix), np.finfo(float).tiny)
    matrix[np.diag_indices_from(matrix)] += ridge
    factor = scipy.linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)
    solution: Float64Array = scipy.linalg.cho_solve(factor, right, check_finite=False)
    return solution
