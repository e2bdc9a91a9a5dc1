from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.numerics.stratification import (
    allocate,
    cell_counts,
    cell_labels,
    cell_weights,
    draw_stratified,
)
from harness.testing.rows import random_transitions

cells = st.integers(1, 4).flatmap(
    lambda actions: st.lists(st.integers(0, 50), min_size=2 * actions, max_size=2 * actions)
)


@given(counts=cells.filter(any), data=st.data())
def test_an_allocation_is_a_feasible_sample(counts: list[int], data: st.DataObject) -> None:
    held = np.array(counts)
    size = data.draw(st.integers(1, int(held.sum())))
    share = data.draw(st.floats(0, 1))
    allocation = allocate(held, size, share)
    assert allocation.sum() == size
    assert (allocation >= 0).all()
    assert (allocation <= held).all()
    if size >= len(held):
        assert (allocation[held > 0] > 0).all()


@given(counts=cells.filter(any), data=st.data())
def test_terminated_rows_get_their_share_or_all_there_are(
    counts: list[int], data: st.DataObject
) -> None:
    held = np.array(counts)
    size = data.draw(st.integers(1, int(held.sum())))
    share = data.draw(st.floats(0, 0.5))
    terminated = allocate(held, size, share)[1::2].sum()
    assert terminated >= min(held[1::2].sum(), np.floor(size * share))


@given(counts=cells.filter(any), data=st.data())
def test_cells_get_their_least_numbers_while_the_size_allows(
    counts: list[int], data: st.DataObject
) -> None:
    held = np.array(counts)
    least = np.array([data.draw(st.integers(0, count)) for count in counts])
    size = data.draw(st.integers(max(1, int(least.sum())), int(held.sum())))
    allocation = allocate(held, size, data.draw(st.floats(0, 1)), least)
    assert allocation.sum() == size
    assert (least <= allocation).all()
    assert (allocation <= held).all()


def test_without_a_minimum_cells_get_rows_in_proportion() -> None:
    allocation = allocate(np.array([600, 200, 150, 50]), 100, 0.0)
    np.testing.assert_array_equal(allocation, [60, 20, 15, 5])


def test_a_minimum_share_of_terminated_rows_is_met() -> None:
    allocation = allocate(np.array([990, 5, 990, 15]), 40, 0.1)
    np.testing.assert_array_equal(allocation, [18, 1, 18, 3])


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(8, 60))
def test_weights_give_each_cell_its_share_of_the_source(seed: int, size: int) -> None:
    transitions = random_transitions(np.random.default_rng(seed), 60, action_count=4)
    rows, weights = draw_stratified(transitions, size, 0.2, np.random.default_rng(seed))
    labels = cell_labels(transitions)
    assert len(set(rows)) == size
    for cell in range(8):
        share = transitions.weights[labels == cell].sum() / transitions.weights.sum()
        drawn = weights[labels[rows] == cell].sum() / weights.sum()
        assert drawn == pytest.approx(share, rel=1e-12)


def test_rows_of_a_cell_keep_their_proportions() -> None:
    transitions = random_transitions(np.random.default_rng(0), 40)
    rows = np.array([0, 4, 8, 1, 2, 3])
    weights = cell_weights(transitions, rows)
    ratio = weights[:3] / transitions.weights[:12:4]
    np.testing.assert_allclose(ratio, ratio[0])
    assert weights.mean() == pytest.approx(1.0)


def test_labels_count_actions_and_terminations() -> None:
    transitions = random_transitions(np.random.default_rng(0), 13, action_count=3)
    labels = cell_labels(transitions)
    np.testing.assert_array_equal(labels // 2, transitions.actions)
    np.testing.assert_array_equal(labels % 2, transitions.terminations)
    np.testing.assert_array_equal(cell_counts(transitions), np.bincount(labels, minlength=6))
