"""The contract of every regression reducer: a new one gets these tests by being listed."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.regression_set import (
    ARRAY_NAMES,
    RegressionReducer,
    RegressionReduction,
    RegressionSet,
)
from harness.tasks.builtin import REGRESSION_REDUCERS
from tests.support.regressions import equally_weighted, random_regression

OPTIONAL = {"kernel-herding", "tree-recombination"}
DETERMINISTIC = {"full", *OPTIONAL}


@pytest.fixture(params=sorted(REGRESSION_REDUCERS))
def reducer(request: pytest.FixtureRequest) -> RegressionReducer:
    if request.param in OPTIONAL and find_spec("coreax") is None:
        pytest.skip("coreax is not installed")
    return REGRESSION_REDUCERS[request.param]()


@pytest.fixture
def source() -> RegressionSet:
    return random_regression(np.random.default_rng(0), 300)


def reduce(
    reducer: RegressionReducer, data: RegressionSet, size: int, seed: int = 0
) -> RegressionReduction:
    return reducer.reduce(data, size, np.random.default_rng(seed))


def allowed_sizes(reducer: RegressionReducer, data: RegressionSet, size: int) -> Container[int]:
    """The size asked for, but recombination stops at the rows that it needs."""
    if reducer.name == "tree-recombination":
        return range(1, size + 1)
    return {len(data) if reducer.name == "full" else size}


def test_it_has_the_size_asked_for(reducer: RegressionReducer, source: RegressionSet) -> None:
    for size in (1, 3, 40, 300):
        reduced = reduce(reducer, source, size)
        rows = len(reduced.data)
        assert rows in allowed_sizes(reducer, source, size)
        assert reduced.features.shape == (rows, 4)
        assert reduced.targets.shape == (rows,)
        assert reduced.weights.shape == (rows,)


def test_it_says_what_made_it(reducer: RegressionReducer, source: RegressionSet) -> None:
    reduced = reduce(reducer, source, 40)
    assert reduced.method == reducer.name
    assert reduced.seconds > 0
    assert type(reducer).model_validate(dict(reduced.parameters)) == reducer
    json.dumps([dict(reduced.parameters), dict(reduced.diagnostics)], allow_nan=False)


def test_a_subset_is_told_from_a_synthetic_set(
    reducer: RegressionReducer, source: RegressionSet
) -> None:
    reduced = reduce(reducer, source, 40)
    if reduced.source_indices is None:
        assert reduced.features.dtype == np.float64
        assert len(np.unique(reduced.weights)) == 1
    else:
        assert len(np.unique(reduced.source_indices)) == len(reduced.data)
        np.testing.assert_array_equal(reduced.features, source.features[reduced.source_indices])
        np.testing.assert_array_equal(reduced.targets, source.targets[reduced.source_indices])


def test_the_seed_decides(reducer: RegressionReducer, source: RegressionSet) -> None:
    hashes = [reduce(reducer, source, 40, seed).data.content_hash() for seed in (0, 0, 1, 2)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == (1 if reducer.name in DETERMINISTIC else 3)


def test_it_leaves_the_source_alone(reducer: RegressionReducer, source: RegressionSet) -> None:
    before = source.content_hash()
    reduce(reducer, source, 40)
    assert source.content_hash() == before


@pytest.mark.parametrize("size", [0, -1, 301])
def test_a_size_that_the_data_cannot_give_is_refused(
    reducer: RegressionReducer, source: RegressionSet, size: int
) -> None:
    with pytest.raises(InputError, match=rf"size {size}: .*between 1 and the dataset's 300 rows"):
        reduce(reducer, source, size)


def test_source_weights_count(reducer: RegressionReducer) -> None:
    """A row of weight w stands for w rows: heavy rows must dominate the reduction."""
    source = random_regression(np.random.default_rng(2), 400)
    squares = source.features[:, 0] ** 2
    source = replace(source, weights=np.where(squares > np.median(squares), 1000.0, 1.0))
    reduced = reduce(reducer, source, 100).data
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
    reducer: RegressionReducer, features: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    for targets in (np.linspace(-1, 1, 9), np.zeros(9)):
        data = equally_weighted(features, targets)
        reduced = reduce(reducer, data, 5)
        assert len(reduced.data) in allowed_sizes(reducer, data, 5)


def test_one_row_is_its_own_reduction(reducer: RegressionReducer) -> None:
    data = random_regression(np.random.default_rng(0), 1)
    reduced = reduce(reducer, data, 1)
    np.testing.assert_allclose(reduced.features, data.features)
    np.testing.assert_allclose(reduced.targets, data.targets)


def test_single_precision_works(reducer: RegressionReducer) -> None:
    rng = np.random.default_rng(0)
    data = RegressionSet(
        rng.normal(size=(50, 3)).astype(np.float32),
        rng.integers(3, 9, size=50).astype(np.float32),
        np.ones(50),
    )
    assert reduce(reducer, data, 10).features.shape[1] == 3


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
        ({"features": np.ones((0, 2))}, "needs a row and a column"),
        ({"features": np.ones((5, 0))}, "needs a row and a column"),
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


def test_sums_that_overflow_are_no_error_of_the_values() -> None:
    data = RegressionSet(np.full((3, 1), 1.7e308), np.zeros(3), np.ones(3))
    assert len(data) == 3


def test_a_set_does_not_change_and_its_hash_tells_sets_apart(source: RegressionSet) -> None:
    with pytest.raises(ValueError, match="read-only"):
        source.features[0, 0] = 3.0
    rows = np.arange(300)
    assert source.take(rows).content_hash() == source.content_hash()
    assert source.take(rows[::-1]).content_hash() != source.content_hash()
    assert source.take(rows[:7], weights=np.full(7, 2.0)).shares == pytest.approx(1 / 7)
    assert source.nbytes == 300 * 6 * 8
