from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.regression.datasets import Tabular, split
from harness.core.errors import InputError


def arbitrary(rows: int, columns: int, seed: int) -> Tabular:
    """Random features; targets in another unit, no two of them equal."""
    rng = np.random.default_rng(seed)
    return Tabular(
        dataset_id="made/up",
        features=rng.normal(size=(rows, columns)) * rng.uniform(0.01, 100, columns) + 7,
        targets=(50 + 3 * rng.permutation(rows)).astype(np.float64),
        feature_names=tuple(f"x{number}" for number in range(columns)),
    )


def original_rows(tabular: Tabular, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the training and the test part, found by their targets."""
    cut = split(tabular, seed)
    lookup = {float(target): row for row, target in enumerate(tabular.targets)}
    train, test = (
        np.array([lookup[round(cut.target_mean + cut.target_scale * y)] for y in part.targets])
        for part in (cut.train, cut.test)
    )
    return train, test


@given(
    rows=st.integers(2, 60),
    columns=st.integers(1, 5),
    seed=st.integers(0, 2**40),
    share=st.floats(0.01, 0.99),
)
def test_each_row_goes_to_one_part(rows: int, columns: int, seed: int, share: float) -> None:
    tabular = arbitrary(rows, columns, seed)
    train, test = original_rows(tabular, seed)
    assert sorted([*train, *test]) == list(range(rows))
    cut = split(tabular, seed, share)
    assert len(cut.test) == min(max(round(share * rows), 1), rows - 1)
    assert len(cut.train) + len(cut.test) == rows
    assert set(cut.train.weights) | set(cut.test.weights) == {1.0}


@given(rows=st.integers(5, 60), columns=st.integers(1, 5), seed=st.integers(0, 2**40))
def test_units_come_from_the_training_part_alone(rows: int, columns: int, seed: int) -> None:
    tabular = arbitrary(rows, columns, seed)
    train, test = original_rows(tabular, seed)
    cut = split(tabular, seed)
    known = pd.DataFrame(tabular.features[train])
    for part, members in ((cut.train, train), (cut.test, test)):
        expected = (tabular.features[members] - known.mean().to_numpy()) / known.std(
            ddof=0
        ).to_numpy()
        np.testing.assert_allclose(part.features, expected, atol=1e-9)
    assert cut.target_mean == pytest.approx(np.mean(tabular.targets[train]))
    assert cut.target_scale == pytest.approx(np.std(tabular.targets[train]))


def test_an_error_is_scaled_back_to_the_original_units() -> None:
    tabular = arbitrary(30, 2, 0)
    cut = split(tabular, 0)
    _, test = original_rows(tabular, 0)
    predicted = np.linspace(-1, 1, len(cut.test))
    in_units = np.mean((predicted - cut.test.targets) ** 2) * cut.target_scale**2
    original = cut.target_mean + cut.target_scale * predicted
    assert in_units == pytest.approx(np.mean((original - tabular.targets[test]) ** 2))


@given(rows=st.integers(20, 60), columns=st.integers(1, 4), seed=st.integers(0, 2**40))
def test_homogeneous_least_squares_is_least_squares_with_an_intercept(
    rows: int, columns: int, seed: int
) -> None:
    tabular = arbitrary(rows, columns, seed)
    cut = split(tabular, seed)
    train, test = original_rows(tabular, seed)
    homogeneous = np.linalg.lstsq(cut.train.features, cut.train.targets)[0]
    predicted = cut.target_mean + cut.target_scale * (cut.test.features @ homogeneous)
    original = np.column_stack([tabular.features, np.ones(rows)])
    solution = np.linalg.lstsq(original[train], tabular.targets[train])[0]
    np.testing.assert_allclose(predicted, original[test] @ solution, rtol=1e-6)


@pytest.mark.parametrize("value", [0.1, -1e6 - 0.1, 1e300, 3.3e-300])
def test_a_constant_column_becomes_exactly_zero(value: float) -> None:
    tabular = arbitrary(40, 2, 1)
    constant = replace(
        tabular,
        features=np.column_stack([tabular.features, np.full(40, value)]),
        targets=np.full(40, value),
    )
    cut = split(constant, 0)
    for part in (cut.train, cut.test):
        assert not part.features[:, 2].any()
        assert not part.targets.any()
    assert (cut.target_mean, cut.target_scale) == (value, 1)


def test_a_column_that_only_the_test_part_varies_keeps_its_scale() -> None:
    tabular = arbitrary(10, 1, 2)
    assert tabular.features.shape == (10, 1)
    for row in range(10):
        flag = (np.arange(10) == row).astype(float)
        flagged = replace(tabular, features=flag[:, None])
        cut = split(flagged, 0)
        if not cut.train.features.any():
            assert sorted(cut.test.features[:, 0]) == [0, 1]
            return
    pytest.fail("no flag fell into the test part")


def test_the_seed_and_the_content_choose_the_rows() -> None:
    tabular = arbitrary(40, 2, 0)
    again = split(tabular, 4)
    assert split(replace(tabular, dataset_id="other"), 4).train.content_hash() == (
        again.train.content_hash()
    )
    assert set(original_rows(tabular, 5)[1]) != set(original_rows(tabular, 4)[1])
    changed = replace(tabular, features=tabular.features + 1)
    assert set(original_rows(changed, 4)[1]) != set(original_rows(tabular, 4)[1])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 1.5, float("nan")])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="strictly between 0 and 1"):
        split(arbitrary(10, 2, 0), 0, share)
