"""Subset methods on datasets that are read in parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.leverage import LeverageReducer, inclusion_probabilities, leverage_scores
from baselines.leverage_in_parts import sample_in_parts
from baselines.random import RandomReducer
from baselines.stratified import StratifiedReducer
from harness.core.errors import InputError
from harness.core.parts import reduce_in_parts
from harness.core.reduction import Reducer, reduce_seeded
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.distillation.bellman import BellmanDistiller
from harness.numerics.features import additive_rows
from harness.numerics.standardising import Standardiser
from harness.testing.rows import random_transitions
from tests.support.parts import Split

ROWS = 120
splits = st.fixed_dictionaries(
    {
        "edges": st.lists(st.integers(0, ROWS), max_size=5),
        "chunk": st.sampled_from([1, 7, 50, ROWS]),
    }
)


def drawn(seed: int, weighted: bool = True) -> Transitions:
    rng = np.random.default_rng(seed)
    data = random_transitions(rng, ROWS, 2, 3)
    return replace(data, weights=rng.uniform(0.5, 2, ROWS)) if weighted else data


@given(seed=st.integers(0, 1000), split=splits, size=st.integers(1, ROWS))
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("reducer", [RandomReducer(), StratifiedReducer()])
def test_the_rows_are_those_of_the_whole(
    reducer: Reducer[Transitions], seed: int, split: dict[str, Any], size: int
) -> None:
    data = drawn(seed)
    whole = reduce_seeded(data, reducer, size, seed)
    found = reduce_in_parts(reducer, Split(data, **split), size, seed)
    np.testing.assert_array_equal(found.source_indices, whole.source_indices)
    for name in ARRAY_NAMES:
        values = getattr(found.rows, name)
        assert values.dtype == getattr(whole.rows, name).dtype
        np.testing.assert_allclose(values, getattr(whole.rows, name), rtol=1e-12)
    assert (found.method, found.parameters) == (whole.method, whole.parameters)


def probabilities(data: Transitions, size: int) -> Any:
    features = additive_rows(data, Standardiser.fit(data), 0.99)
    scores = leverage_scores(np.sqrt(data.shares)[:, None] * features)
    return inclusion_probabilities(scores, size)


@given(seed=st.integers(0, 1000), split=splits, size=st.integers(1, ROWS))
@settings(max_examples=30, deadline=None)
def test_leverage_weighs_by_the_probabilities_of_the_whole(
    seed: int, split: dict[str, Any], size: int
) -> None:
    data = drawn(seed)
    found = reduce_in_parts(LeverageReducer(), Split(data, **split), size, seed)
    rows = found.source_indices
    assert rows is not None
    assert len(np.unique(rows)) == len(rows) == size
    np.testing.assert_array_equal(found.rows.observations, data.observations[rows])
    expected = data.shares[rows] / probabilities(data, size)[rows]
    np.testing.assert_allclose(found.rows.weights, expected, rtol=1e-6)


@given(seed=st.integers(0, 1000), size=st.integers(85, ROWS - 1))
@settings(max_examples=20, deadline=None)
def test_rows_that_weigh_next_to_nothing_count_alike_in_parts_and_whole(
    seed: int, size: int
) -> None:
    """Forty scores around the smallest that counts, of which a size near all rows draws some."""
    data, tiny = drawn(seed), np.random.default_rng(seed).uniform(-15, -11, 40)
    data = replace(data, weights=np.concatenate([10.0**tiny, data.weights[40:]]))
    found = reduce_in_parts(LeverageReducer(), Split(data, [50]), size, seed)
    rows = found.source_indices
    assert rows is not None
    expected = data.shares[rows] / probabilities(data, size)[rows]
    np.testing.assert_allclose(found.rows.weights, expected, rtol=1e-3)


def test_leverage_draws_by_the_probabilities_of_the_whole() -> None:
    data, rng, draws = drawn(0), np.random.default_rng(0), 300
    counts = np.zeros(ROWS)
    for _ in range(draws):
        _, rows, _ = sample_in_parts(Split(data, [37, 80]), 30, 0.99, rng)
        counts[rows] += 1
    expected = probabilities(data, 30)
    spread = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(counts / draws - expected) <= 4.5 * spread + 1e-12).all()


def test_what_needs_all_rows_at_once_is_refused() -> None:
    with pytest.raises(InputError, match=r"method 'bellman' cannot stream: .*choose exact"):
        reduce_in_parts(BellmanDistiller(), Split(drawn(0)), 10, 0)
