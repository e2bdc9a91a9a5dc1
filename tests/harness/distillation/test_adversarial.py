from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ortho_group

from harness.core.regression_set import RegressionSet
from harness.distillation.adversarial import adversarial_set
from harness.distillation.sampled_regressors import sample_regressors
from harness.numerics.certificates.regression import regression_certificate, regression_moments
from harness.testing.rows import random_regression
from tests.support.regressions import losses


def second_moment(data: RegressionSet) -> NDArray[np.float64]:
    return regression_moments(data).second_moment


@pytest.mark.parametrize("count", [0, 1, 3, 6, 14, 20])
def test_it_agrees_on_every_sampled_regressor_and_not_elsewhere(count: int) -> None:
    rng = np.random.default_rng(count)
    data = random_regression(rng, 100, columns=5)
    regressors = sample_regressors(count, 6, rng)
    found = adversarial_set(second_moment(data), regressors, rng)
    assert found is not None
    np.testing.assert_allclose(losses(found.data, regressors), losses(data, regressors), rtol=1e-9)
    certificate = regression_certificate(regression_moments(data), regression_moments(found.data))
    assert found.worst_gap == pytest.approx(certificate.worst_gap)
    assert certificate.relative_gap == pytest.approx(1)  # some loss vanishes or doubles, none more
    seen = losses(data, found.regressor[None]) - losses(found.data, found.regressor[None])
    assert abs(seen[0]) == pytest.approx(found.worst_gap)


@pytest.mark.parametrize("count", [21, 30])
def test_enough_regressors_leave_no_adversary(count: int) -> None:
    rng = np.random.default_rng(0)
    data = random_regression(rng, 100, columns=5)
    regressors = sample_regressors(count, 6, rng)
    assert adversarial_set(second_moment(data), regressors, rng) is None


def test_collinear_columns_need_fewer_regressors() -> None:
    rng = np.random.default_rng(0)
    data = random_regression(rng, 100, columns=4)
    doubled = RegressionSet(
        np.column_stack([data.features, data.features[:, 0]]), data.targets, data.weights
    )
    fewer, enough = sample_regressors(14, 6, rng), sample_regressors(15, 6, rng)
    found = adversarial_set(second_moment(doubled), fewer, rng)
    assert found is not None
    np.testing.assert_allclose(found.data.features[:, 4], found.data.features[:, 0], atol=1e-9)
    assert adversarial_set(second_moment(doubled), enough, rng) is None


def test_random_changes_of_the_moments_find_no_larger_gap() -> None:
    """Against changes in the same null space, scaled by the same rule."""
    rng = np.random.default_rng(1)
    turn = ortho_group.rvs(6, random_state=1)
    matrix = turn @ np.diag([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) @ turn.T
    regressors = sample_regressors(10, 6, rng)
    found = adversarial_set(matrix, regressors, rng)
    assert found is not None
    rows = np.array([np.outer(g, g).ravel() for g in regressors])
    project = np.eye(36) - np.linalg.pinv(rows) @ rows
    whitener = np.linalg.inv(np.linalg.cholesky(matrix))
    for _ in range(1000):
        change = rng.normal(size=(6, 6))
        change = (project @ (change + change.T).ravel()).reshape(6, 6)
        change /= np.linalg.norm(whitener @ change @ whitener.T, 2)
        assert np.linalg.norm(change, 2) <= found.worst_gap
