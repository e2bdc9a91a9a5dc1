from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.errors import InputError
from harness.numerics.moments import SLICE, Moments, accumulate

Float64Array = NDArray[np.float64]
EPSILON = np.finfo(float).eps


def rational_moments(
    rows: Float64Array, weights: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Mean and scatter in exact rational arithmetic, rounded once at the end."""
    exact = [[Fraction(float(value)) for value in row] for row in rows]
    shares = [Fraction(float(weight)) for weight in weights]
    total, q = sum(shares), range(rows.shape[1])
    mean = [
        sum((w * row[i] for w, row in zip(shares, exact, strict=True)), Fraction(0)) / total
        for i in q
    ]
    scatter = [
        [
            sum(
                (
                    w * (row[i] - mean[i]) * (row[j] - mean[j])
                    for w, row in zip(shares, exact, strict=True)
                ),
                Fraction(0),
            )
            for j in q
        ]
        for i in q
    ]
    return np.array(mean, dtype=float), np.array(scatter, dtype=float)


def assert_same(found: Moments, mean: Float64Array, scatter: Float64Array, digits: float) -> None:
    """Compare in units of each column's own spread."""
    spread = np.sqrt(np.diag(scatter))
    np.testing.assert_allclose(found.mean, mean, rtol=2 * EPSILON, atol=digits)
    assert (np.abs(found.scatter - scatter) <= digits * np.outer(spread, spread)).all()


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(2, 60),
    centre=st.sampled_from([0.0, 1.0, 1e3, 1e6, -1e9]),
    weighted=st.booleans(),
)
def test_moments_are_those_of_rational_arithmetic(
    seed: int, rows: int, centre: float, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(rows, 3)) + centre
    weights = rng.uniform(0.1, 10, rows) if weighted else np.full(rows, 0.7)
    mean, scatter = rational_moments(data, weights)
    found = Moments.of(data, weights=weights)
    assert found.weight == pytest.approx(weights.sum(), rel=1e-14)
    assert_same(found, mean, scatter, 5e-14)


def test_many_rows_far_from_zero_lose_no_digits() -> None:
    """Squaring before centring would leave four digits of sixteen."""
    rng = np.random.default_rng(0)
    deviations = rng.integers(-8, 9, size=(3 * SLICE + 17, 4)).astype(float)
    deviations[:, 2] *= 1e-3 * 2**10 / 1000
    found = Moments.of(deviations + np.array([1e6, -1e6, 0.0, 3.0]))
    expected = np.cov(deviations.T.astype(np.longdouble), bias=True).astype(float)
    assert_same(
        Moments(1.0, found.mean, found.covariance),
        deviations.mean(axis=0) + np.array([1e6, -1e6, 0.0, 3.0]),
        expected,
        3e-14,
    )


def test_a_drifting_column_loses_no_digits() -> None:
    """The first rows say nothing about where the later ones lie."""
    rows = np.column_stack([np.arange(5 * SLICE), np.arange(5 * SLICE) % 7]).astype(float)
    n = len(rows)
    assert Moments.of(rows).scatter[0, 0] == pytest.approx((n**3 - n) / 12, rel=1e-14)


@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 99), unique=True, max_size=6),
    centre=st.sampled_from([0.0, 1e6]),
)
def test_chunks_merge_to_the_whole(seed: int, cuts: list[int], centre: float) -> None:
    rng = np.random.default_rng(seed)
    rows, weights = rng.normal(size=(100, 3)) + centre, rng.uniform(1, 2, 100)
    whole = Moments.of(rows, weights=weights)
    parts = zip(np.split(rows, sorted(cuts)), np.split(weights, sorted(cuts)), strict=True)
    merged = accumulate(Moments.of(part, weights=share) for part, share in parts)
    assert merged.weight == pytest.approx(whole.weight)
    assert_same(merged, whole.mean, whole.scatter, 1e-13 + EPSILON * centre)


def test_blocks_stand_side_by_side() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 4))
    blocks = Moments.of(rows[:, 0], rows[:, 1:3].astype(np.float32), rows[:, 3])
    rows[:, 1:3] = rows[:, 1:3].astype(np.float32)
    np.testing.assert_allclose(blocks.scatter, Moments.of(rows).scatter, rtol=1e-13)


def test_second_moments_are_means_of_products() -> None:
    rng = np.random.default_rng(0)
    rows, weights = rng.normal(size=(50, 3)) + 2, rng.uniform(1, 2, 50)
    shares = weights / weights.sum()
    moments = Moments.of(rows, weights=weights)
    ones = np.column_stack([np.ones(50), rows])
    np.testing.assert_allclose(moments.second_moment, rows.T * shares @ rows)
    np.testing.assert_allclose(moments.second_moment_with_constant, ones.T * shares @ ones)
    np.testing.assert_allclose(
        moments.covariance, np.cov(rows.T, aweights=weights, bias=True), atol=1e-15
    )
    np.testing.assert_allclose(moments.deviation**2, np.diag(moments.covariance))


@pytest.mark.parametrize("value", [0.1, 1e6 / 3, -1e-300])
def test_a_constant_column_has_no_scatter(value: float) -> None:
    rows = np.random.default_rng(0).normal(size=(3 * SLICE, 2))
    rows[:, 1] = value
    moments = Moments.of(rows)
    assert moments.mean[1] == value
    assert not moments.scatter[1].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_values_that_cannot_be_squared_are_refused(value: float) -> None:
    rows = np.ones((10, 2))
    rows[7, 1] = value
    with pytest.raises(InputError, match="NaN, infinity or values too large"):
        Moments.of(rows)


def test_nothing_has_no_moments() -> None:
    with pytest.raises(InputError, match="0 rows have no moments"):
        Moments.of(np.empty((0, 2)))
    with pytest.raises(InputError, match="0 chunks have no moments"):
        accumulate([])


def test_chunks_of_other_columns_do_not_merge() -> None:
    with pytest.raises(InputError, match="moments of 2 and 3 columns do not merge"):
        accumulate([Moments.of(np.ones((4, 2))), Moments.of(np.ones((4, 3)))])
