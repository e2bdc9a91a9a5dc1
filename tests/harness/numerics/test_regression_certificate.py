from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import InputError
from harness.numerics.certificates.regression import regression_certificate, regression_moments
from harness.testing.rows import random_regression
from tests.support.regressions import equally_weighted, losses

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, columns=st.integers(1, 6))
@settings(max_examples=20)
def test_no_regressor_sees_more_and_one_sees_as_much(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    train, synthetic = random_regression(rng, 50, columns), random_regression(rng, 9, columns)
    certificate = regression_certificate(regression_moments(train), regression_moments(synthetic))

    tries = rng.normal(size=(10_000, columns + 1))
    tries /= np.maximum(np.linalg.norm(tries, axis=1, keepdims=True), 1)
    goal = losses(train, tries)
    gaps = np.abs(goal - losses(synthetic, tries))
    assert gaps.max() <= certificate.worst_gap * (1 + 1e-12)
    assert (gaps / goal).max() <= certificate.relative_gap * (1 + 1e-9)

    worst = certificate.regressor[None, :]
    assert np.linalg.norm(worst) == pytest.approx(1)
    assert abs(losses(train, worst) - losses(synthetic, worst))[0] == pytest.approx(
        certificate.worst_gap
    )
    relative = certificate.relative_regressor[None, :]
    assert losses(train, relative)[0] == pytest.approx(1)
    assert abs(1 - losses(synthetic, relative)[0]) == pytest.approx(
        certificate.relative_gap, rel=1e-6
    )


def test_a_set_has_no_gap_to_itself() -> None:
    moments = regression_moments(random_regression(np.random.default_rng(0), 50))
    certificate = regression_certificate(moments, moments.second_moment)
    assert certificate.worst_gap == 0
    assert certificate.relative_gap == 0


def test_the_relative_gap_does_not_depend_on_units() -> None:
    rng = np.random.default_rng(0)
    train, synthetic = random_regression(rng, 50).features, random_regression(rng, 9).features
    units = np.array([1e-9, 1.0, 1e3, 1e9])
    plain, scaled = (
        regression_certificate(
            (train * unit).T @ (train * unit) / 50, (synthetic * unit).T @ (synthetic * unit) / 9
        )
        for unit in (np.ones(4), units)
    )
    assert scaled.relative_gap == pytest.approx(plain.relative_gap, rel=1e-9)


def test_directions_that_the_training_rows_lack_have_no_relative_gap() -> None:
    train = np.diag([4.0, 0.0])
    certificate = regression_certificate(train, np.diag([3.0, 7.0]))
    assert certificate.worst_gap == pytest.approx(7)
    assert certificate.relative_gap == pytest.approx(0.25)
    nothing = regression_certificate(np.zeros((2, 2)), np.diag([3.0, 7.0]))
    assert nothing.relative_gap == 0


def test_sets_of_other_columns_are_refused() -> None:
    wide = regression_moments(equally_weighted(np.ones((3, 4)), np.ones(3)))
    narrow = regression_moments(equally_weighted(np.ones((3, 2)), np.ones(3)))
    with pytest.raises(InputError, match=r"shape \(5, 5\) and \(3, 3\)"):
        regression_certificate(wide, narrow)
