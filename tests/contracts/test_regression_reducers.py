"""Regression sets: what makes one, and what reducers make of degenerate ones."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.reduction import Reducer, Reduction
from harness.core.regression_set import ARRAY_NAMES, RegressionSet
from harness.tasks.builtin import REGRESSION_REDUCERS
from harness.testing.rows import random_regression
from tests.support.regressions import equally_weighted

OPTIONAL = {"kernel-herding", "tree-recombination"}
without_coreax = pytest.mark.skipif(find_spec("coreax") is None, reason="coreax is not installed")


@pytest.fixture(
    params=[
        pytest.param(name, marks=[without_coreax, pytest.mark.slow] if name in OPTIONAL else [])
        for name in sorted(REGRESSION_REDUCERS.names())
    ]
)
def reducer(request: pytest.FixtureRequest) -> Reducer[RegressionSet]:
    made: Reducer[RegressionSet] = REGRESSION_REDUCERS.make(request.param, {})
    return made


@pytest.fixture
def source() -> RegressionSet:
    return random_regression(np.random.default_rng(0), 300)


def reduce(
    reducer: Reducer[RegressionSet], data: RegressionSet, size: int, seed: int = 0
) -> Reduction[RegressionSet]:
    return reducer.reduce(data, size, np.random.default_rng(seed))


def allowed_sizes(reducer: Reducer[RegressionSet], data: RegressionSet, size: int) -> range:
    if reducer.sizes == "at most":
        return range(1, size + 1)
    return range(len(data), len(data) + 1) if reducer.sizes == "all rows" else range(size, size + 1)


def test_source_weights_count(reducer: Reducer[RegressionSet]) -> None:
    """A row of weight w stands for w rows: heavy rows must dominate the reduction."""
    source = random_regression(np.random.default_rng(2), 400)
    squares = source.features[:, 0] ** 2
    source = replace(source, weights=np.where(squares > np.median(squares), 1000.0, 1.0))
    reduced = reduce(reducer, source, 100).rows
    found = reduced.shares @ reduced.features[:, 0] ** 2
    assert found == pytest.approx(source.shares @ squares, rel=0.3)
    assert found > 1.3 * squares.mean()


@pytest.mark.parametrize(
    "features",
    [
        np.column_stack([np.arange(9.0), np.full(9, 0.1)]),  # constant
        np.column_stack([np.arange(9.0), 2 * np.arange(9.0)]),  # collinear
        np.random.default_rng(0).normal(size=(9, 12)),  # d > n
        np.zeros((9, 2)),
    ],
)
def test_degenerate_columns_work(
    reducer: Reducer[RegressionSet], features: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    for targets in (np.linspace(-1, 1, 9), np.zeros(9)):
        data = equally_weighted(features, targets)
        reduced = reduce(reducer, data, 5)
        assert len(reduced.rows) in allowed_sizes(reducer, data, 5)


def test_one_row_is_its_own_reduction(reducer: Reducer[RegressionSet]) -> None:
    data = random_regression(np.random.default_rng(0), 1)
    reduced = reduce(reducer, data, 1)
    np.testing.assert_allclose(reduced.features, data.features)
    np.testing.assert_allclose(reduced.targets, data.targets)


@pytest.mark.parametrize("name", ARRAY_NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(
    source: RegressionSet, name: str, value: float
) -> None:
    array = getattr(source, name).copy()
    array[[7, 9]] = value
    with pytest.raises(InputError, match=rf"{name}: 2 rows hold NaN or infinity.* row 7;"):
        replace(source, **{name: array})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.ones(5)}, r"features of shape \(5,\): the rule is \(M, d\)"),
        ({"features": np.ones((0, 2))}, "needs at least one row and one column"),
        ({"features": np.ones((5, 0))}, "needs at least one row and one column"),
        ({"targets": np.ones(4)}, r"targets of shape \(4,\): .*need \(5,\)"),
        ({"weights": np.ones((5, 1))}, r"weights of shape \(5, 1\): .*need \(5,\)"),
        ({"weights": np.array([1.0, 1, 0, 1, 1])}, r"weight 0\.0: weights must be positive"),
        ({"targets": np.array(list("abcde"))}, "targets of type <U1: numbers are needed"),
    ],
)
def test_arrays_that_do_not_make_a_set_are_refused(
    changes: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]], message: str
) -> None:
    arrays = {"features": np.ones((5, 2)), "targets": np.ones(5), "weights": np.ones(5)}
    with pytest.raises(InputError, match=message):
        RegressionSet(**(arrays | changes))


def test_a_set_does_not_change_and_its_hash_tells_sets_apart(source: RegressionSet) -> None:
    with pytest.raises(ValueError, match="read-only"):
        source.features[0, 0] = 3.0
    rows = np.arange(300)
    assert source.take(rows).content_hash() == source.content_hash()
    assert source.take(rows[::-1]).content_hash() != source.content_hash()
    assert source.take(rows[:7], weights=np.full(7, 2.0)).shares == pytest.approx(1 / 7)
    assert source.nbytes == 300 * 6 * 8
