from __future__ import annotations

import numpy as np

from baselines.full import FullReducer
from baselines.leverage import LeverageRegression
from baselines.random import RandomReducer
from harness.core.regression_set import RegressionSet
from harness.testing.rows import random_regression
from tests.support.regressions import equally_weighted


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_full_is_the_data() -> None:
    data = random_regression(rng(), 20)
    assert FullReducer[RegressionSet]().reduce(data, 3, rng()).rows is data


def test_random_draws_every_row_alike_and_keeps_its_weight() -> None:
    data = random_regression(rng(), 10)
    draw, counts = rng(), np.zeros(10)
    for _ in range(3000):
        reduced = RandomReducer[RegressionSet]().reduce(data, 4, draw)
        assert reduced.source_indices is not None
        counts[reduced.source_indices] += 1
        np.testing.assert_array_equal(reduced.weights, data.weights[reduced.source_indices])
    assert (np.abs(counts / 3000 - 0.4) < 5 * np.sqrt(0.4 * 0.6 / 3000)).all()


def test_leverage_estimates_every_loss_without_bias() -> None:
    data = random_regression(rng(), 30, columns=2)
    heavy = np.where(np.arange(30) == 4, 50.0, 1.0)[:, None]
    data = RegressionSet(data.features * heavy, data.targets, data.weights)
    squares = (np.column_stack([data.features, data.targets]) @ np.array([0.3, -1.0, 0.5])) ** 2
    draw = rng(1)
    estimates = []
    for _ in range(4000):
        reduced = LeverageRegression().reduce(data, 8, draw)
        assert reduced.source_indices is not None
        estimates.append(reduced.weights @ squares[reduced.source_indices])
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - data.shares @ squares) < 5 * error


def test_leverage_always_draws_the_row_that_alone_spans_a_direction() -> None:
    features = rng().normal(size=(50, 3))
    features[:, 2] = np.arange(50) == 17
    data = equally_weighted(features, rng(1).normal(size=50))
    for seed in range(20):
        reduced = LeverageRegression().reduce(data, 10, rng(seed))
        assert reduced.source_indices is not None
        assert 17 in reduced.source_indices
    assert reduced.diagnostics["rank"] == 4


def test_leverage_does_not_depend_on_units() -> None:
    data = random_regression(rng(), 50)
    scaled = RegressionSet(
        data.features * np.array([1e-12, 1.0, 1e6, 1e12]), data.targets * 1e-15, data.weights
    )
    drawn = [LeverageRegression().reduce(one, 12, rng()).source_indices for one in (data, scaled)]
    assert drawn[0] is not None
    assert drawn[1] is not None
    np.testing.assert_array_equal(drawn[0], drawn[1])
