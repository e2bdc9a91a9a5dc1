from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from harness.core.arrays import Float64Array
from harness.distillation.solvers.levenberg_marquardt import LeastSquares, minimise


def linear(matrix: Float64Array, right: Float64Array, low: float, high: float) -> LeastSquares:
    size = matrix.shape[1]
    return LeastSquares(
        residuals=lambda x: matrix @ x - right,
        jacobian=lambda x: matrix + 0 * x[0],
        project=lambda x: np.clip(x, low, high),
        low=np.full(size, low),
        high=np.full(size, high),
    )


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 8), count=st.integers(1, 12))
def test_it_finds_the_bounded_least_squares_solution(seed: int, size: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, right = rng.normal(size=(count, size)), rng.normal(size=count)
    found = minimise(linear(matrix, right, -0.5, 0.5), np.zeros(size), 500, 1e-12)
    best = lsq_linear(matrix, right, (-0.5, 0.5), method="bvls").cost * 2 / count
    assert found.trace[-1] <= best * (1 + 1e-3) + 1e-9
    assert np.abs(found.point).max() <= 0.5


def test_with_room_to_spare_the_step_is_the_shortest() -> None:
    rng = np.random.default_rng(0)
    matrix, right, start = rng.normal(size=(3, 9)), rng.normal(size=3), rng.normal(size=9)
    found = minimise(linear(matrix, right, -9, 9), start, 100, 1e-12)
    nearest = start + np.linalg.pinv(matrix) @ (right - matrix @ start)
    np.testing.assert_allclose(found.point, nearest, atol=1e-3)


def test_the_trace_never_rises_and_ends_at_the_point() -> None:
    problem = LeastSquares(
        residuals=lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]),
        jacobian=lambda x: np.array([[-20 * x[0], 10.0], [-1.0, 0.0]]),
        project=lambda x: x,
        low=np.full(2, -np.inf),
        high=np.full(2, np.inf),
    )
    found = minimise(problem, np.array([-1.2, 1.0]), 200, 0.0)
    assert all(after < before for before, after in zip(found.trace, found.trace[1:], strict=False))
    np.testing.assert_allclose(found.point, 1, atol=1e-6)
    assert found.trace[-1] == pytest.approx(float(np.mean(problem.residuals(found.point) ** 2)))


def test_losses_that_are_not_finite_are_never_accepted() -> None:
    """A wall of NaN stands between the start and the minimum."""
    problem = LeastSquares(
        residuals=lambda x: np.where(x > 1, np.nan, x - 3),
        jacobian=lambda x: np.ones((1, 1)) + 0 * x,
        project=lambda x: x,
        low=np.full(1, -np.inf),
        high=np.full(1, np.inf),
    )
    found = minimise(problem, np.zeros(1), 100, 1e-6)
    assert found.rejected > 0
    assert 0 < found.point[0] <= 1
    with pytest.raises(FloatingPointError, match="at the start"):
        minimise(problem, np.full(1, 2.0), 100, 1e-6)
