from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ortho_group

from harness.numerics.moment_matching import (
    nearest,
    nearest_with_mean,
    root,
    second_moment_root,
    truncated,
)

Float64Array = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)


def moment_of_rank(rng: np.random.Generator, q: int, rank: int) -> Float64Array:
    factor = rng.normal(size=(rank, q))
    return factor.T @ factor


def movement(points: Float64Array, start: Float64Array, scale: Float64Array) -> float:
    return float(np.sum(((points - start) / scale) ** 2))


@given(seed=seeds, q=st.integers(1, 8), data=st.data())
def test_a_root_has_the_rank_and_gives_the_matrix_back(
    seed: int, q: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    rank = data.draw(st.integers(0, q))
    units = np.exp(rng.uniform(-20, 20, q))
    matrix = moment_of_rank(rng, q, rank) * np.outer(units, units)
    factor = root(matrix)
    assert factor.shape == (rank, q)
    np.testing.assert_allclose(
        factor.T @ factor / np.outer(units, units), matrix / np.outer(units, units), atol=1e-12
    )


@given(seed=seeds, q=st.integers(1, 6), far=st.sampled_from([0.0, 1.0, 1e6]))
def test_a_second_moment_root_keeps_the_covariance(seed: int, q: int, far: float) -> None:
    """Its losses on regressors that do not see the mean keep their digits."""
    rng = np.random.default_rng(seed)
    mean, covariance = far * rng.normal(size=q), moment_of_rank(rng, q, q) + np.eye(q)
    factor = second_moment_root(mean, covariance)
    assert factor.shape == (q, q)
    blind = np.eye(q) - np.outer(mean, mean) / np.maximum(mean @ mean, 1e-300)
    np.testing.assert_allclose(
        blind @ factor.T @ factor @ blind, blind @ covariance @ blind, atol=1e-8, rtol=1e-8
    )
    wanted = covariance + np.outer(mean, mean)
    np.testing.assert_allclose(factor.T @ factor, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())


def test_a_mean_counts_towards_the_rank() -> None:
    covariance = np.diag([1.0, 2.0, 0.0])
    assert len(second_moment_root(np.array([0.0, 0.0, 5.0]), covariance)) == 3
    assert len(second_moment_root(np.array([4.0, 3.0, 0.0]), covariance)) == 2
    assert len(second_moment_root(np.zeros(3), np.zeros((3, 3)))) == 0


@given(seed=seeds, rank=st.integers(0, 5), spare=st.integers(0, 5), lost=st.integers(0, 3))
def test_points_have_the_second_moment(seed: int, rank: int, spare: int, lost: int) -> None:
    """Also where the start lacks directions that the moment has."""
    rng = np.random.default_rng(seed)
    matrix = moment_of_rank(rng, 5, rank)
    start = rng.normal(size=(max(rank + spare, 1), 5))
    start[:, :lost] = 1.0
    points = nearest(start, root(matrix), np.ones(5))
    assert points.shape == start.shape
    np.testing.assert_allclose(points.T @ points / len(points), matrix, atol=1e-12)


@given(seed=seeds, rank=st.integers(0, 5), spare=st.integers(1, 5), lost=st.integers(0, 3))
def test_points_have_the_mean_and_covariance(seed: int, rank: int, spare: int, lost: int) -> None:
    rng = np.random.default_rng(seed)
    mean, covariance = 10 * rng.normal(size=5), moment_of_rank(rng, 5, rank)
    start = rng.normal(size=(rank + spare, 5))
    start[:, :lost] = 1.0
    points = nearest_with_mean(start, mean, root(covariance), np.ones(5))
    np.testing.assert_allclose(points.mean(axis=0), mean, atol=1e-12)
    np.testing.assert_allclose(np.cov(points.T, bias=True), covariance, atol=1e-12)


@given(seed=seeds, centred=st.booleans())
def test_points_that_have_the_moments_already_stay(seed: int, centred: bool) -> None:
    start = np.random.default_rng(seed).normal(size=(9, 4)) + 2
    covariance = np.cov(start.T, bias=True)
    points = (
        nearest_with_mean(start, start.mean(axis=0), root(covariance), np.ones(4))
        if centred
        else nearest(start, root(start.T @ start / 9), np.ones(4))
    )
    np.testing.assert_allclose(points, start, atol=1e-9)


@given(seed=seeds, centred=st.booleans())
def test_no_rotation_of_the_points_moves_less(seed: int, centred: bool) -> None:
    """Turning the rows by an orthogonal matrix gives every other set of the same moments."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(size=3))
    start, matrix = rng.normal(size=(6, 3)) * scale, moment_of_rank(rng, 3, 3)
    mean = rng.normal(size=3)
    points = (
        nearest_with_mean(start, mean, root(matrix), scale)
        if centred
        else nearest(start, root(matrix), scale)
    )
    least = movement(points, start, scale)
    basis = np.linalg.qr(np.column_stack([np.ones(6), rng.normal(size=(6, 5))]))[0]
    for strength in (1e-3, 0.1, 1.0):
        skew = strength * rng.normal(size=(6, 6))
        turn = scipy.linalg.expm(skew - skew.T)
        if centred:  # a turn that keeps the vector of ones
            inner = scipy.linalg.expm((skew - skew.T)[1:, 1:])
            turn = basis @ scipy.linalg.block_diag(1.0, inner) @ basis.T
        assert movement(turn @ points, start, scale) >= least * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_constrained_optimisation_finds_nothing_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, matrix, scale = rng.normal(size=(4, 2)), moment_of_rank(rng, 2, 2), np.array([1.0, 3.0])
    upper = np.triu_indices(2)

    def violation(packed: Float64Array) -> Float64Array:
        points = packed.reshape(4, 2)
        return (points.T @ points / 4 - matrix)[upper]

    def moved(packed: Float64Array) -> float:
        return movement(packed.reshape(4, 2), start, scale)

    searches = [
        scipy.optimize.minimize(
            moved,
            rng.normal(size=8),
            constraints={"type": "eq", "fun": violation},
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        )
        for _ in range(5)
    ]
    best = min(search.fun for search in searches if search.success)
    found = moved(nearest(start, root(matrix), scale).ravel())
    assert found == pytest.approx(best, rel=1e-5)


@given(seed=seeds, rank=st.integers(0, 5))
def test_a_truncation_states_its_error_and_none_is_better(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = moment_of_rank(rng, 5, 5)
    kept = truncated(root(matrix), rank)
    assert len(kept) == rank
    dropped = np.sort(np.linalg.eigvalsh(matrix))[: 5 - rank]
    error = matrix - kept.T @ kept
    assert np.linalg.norm(error, 2) == pytest.approx(dropped.max(initial=0), abs=1e-12)
    assert np.linalg.norm(error) == pytest.approx(np.sqrt(np.sum(dropped**2)), abs=1e-12)
    turn = ortho_group.rvs(5, random_state=seed) if rank else np.eye(5)
    rival = matrix - (kept @ turn).T @ (kept @ turn)
    assert np.linalg.norm(rival, 2) >= np.linalg.norm(error, 2) - 1e-12
