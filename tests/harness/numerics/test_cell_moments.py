from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.distillation.solvers.sketch import CellReservoir, Sketch
from harness.numerics import cell_moments
from harness.numerics.cell_moments import CellMoments, accumulate_cells
from harness.numerics.moments import Moments
from harness.numerics.standardising import Standardiser
from harness.numerics.stratification import cell_counts, cell_labels
from harness.testing.rows import random_transitions

seeds = st.integers(0, 2**32 - 1)


def columns(data: Transitions) -> np.ndarray:
    return np.column_stack([data.observations, data.next_observations, data.rewards])


def cut(data: Transitions, edges: list[int]) -> Iterator[Transitions]:
    for rows in np.split(np.arange(len(data)), sorted(edges)):
        if len(rows):
            yield data.take(rows)


def assert_same(found: CellMoments, expected: CellMoments) -> None:
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.low, expected.low)
    np.testing.assert_array_equal(found.high, expected.high)
    for one, two in zip(found.cells, expected.cells, strict=True):
        assert (one is None) == (two is None)
        if one and two:
            assert one.weight == pytest.approx(two.weight, rel=1e-12)
            np.testing.assert_allclose(one.mean, two.mean, atol=1e-12)
            np.testing.assert_allclose(one.scatter, two.scatter, atol=1e-10)


@given(seed=seeds, rows=st.integers(1, 300), actions=st.integers(1, 4), offset=st.integers(-3, 3))
def test_moments_of_each_cell_are_those_of_its_rows(
    seed: int, rows: int, actions: int, offset: int
) -> None:
    data = random_transitions(np.random.default_rng(seed), rows, 2, actions)
    data = replace(data, observations=data.observations + 10.0**offset)
    moments = CellMoments.of(data)
    z, labels = columns(data), cell_labels(data)
    for cell, found in enumerate(moments.cells):
        rows_of_cell = z[labels == cell]
        assert (found is None) == (not len(rows_of_cell))
        if found:
            weights = data.weights[labels == cell]
            mean = np.average(rows_of_cell, axis=0, weights=weights)
            centred = rows_of_cell - mean
            assert found.weight == pytest.approx(weights.sum())
            np.testing.assert_allclose(found.mean, mean, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(
                found.scatter, (weights * centred.T) @ centred, rtol=1e-7, atol=1e-9
            )
    np.testing.assert_array_equal(moments.counts, cell_counts(data))
    np.testing.assert_array_equal(moments.low, z.min(axis=0))
    np.testing.assert_array_equal(moments.high, z.max(axis=0))


@given(seed=seeds, edges=st.lists(st.integers(0, 200), max_size=6))
def test_moments_do_not_depend_on_how_rows_are_cut(seed: int, edges: list[int]) -> None:
    data = random_transitions(np.random.default_rng(seed), 200, 2, 3)
    chunks = accumulate_cells(map(CellMoments.of, cut(data, edges)))
    assert_same(chunks, CellMoments.of(data))


@pytest.mark.parametrize("chunk", [64, 128, 1 << 10])
def test_chunks_of_work_do_not_show(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_transitions(np.random.default_rng(0), 1000, 2, 3)
    expected = CellMoments.of(data)
    monkeypatch.setattr(cell_moments, "CHUNK", chunk)
    assert_same(CellMoments.of(data), expected)


@given(seed=seeds, value=st.floats(-1e6, 1e6), other=st.floats(-1e6, 1e6))
def test_a_column_constant_in_a_cell_has_no_scatter(seed: int, value: float, other: float) -> None:
    data = random_transitions(np.random.default_rng(seed), 100, 2, 2)
    data = replace(data, rewards=np.where(data.terminations, value, other))
    moments = sum_of_halves(data)
    for cell, found in enumerate(moments.cells):
        assert found is not None
        assert found.mean[-1] == (value if cell % 2 else other)
        np.testing.assert_array_equal(found.scatter[-1], 0.0)
        np.testing.assert_array_equal(found.scatter[:, -1], 0.0)


def sum_of_halves(data: Transitions) -> CellMoments:
    return accumulate_cells(map(CellMoments.of, cut(data, [len(data) // 2])))


def test_pooled_moments_and_standardiser_are_those_of_all_rows() -> None:
    data = random_transitions(np.random.default_rng(0), 500)
    moments = CellMoments.of(data)
    everything = Moments.of(columns(data), weights=data.weights)
    np.testing.assert_allclose(moments.pooled.mean, everything.mean, atol=1e-12)
    np.testing.assert_allclose(moments.pooled.scatter, everything.scatter, atol=1e-9)
    expected = Standardiser.fit(data)
    np.testing.assert_allclose(moments.standardiser.mean, expected.mean, atol=1e-12)
    np.testing.assert_allclose(moments.standardiser.scale, expected.scale, rtol=1e-12)


@given(seed=seeds, edges=st.lists(st.integers(0, 200), max_size=6), size=st.integers(1, 60))
def test_a_sketch_does_not_depend_on_how_rows_are_cut(
    seed: int, edges: list[int], size: int
) -> None:
    data = random_transitions(np.random.default_rng(seed), 200, 2, 3)
    whole = Sketch.of([data], size, np.random.default_rng(1))
    parts = Sketch.of(cut(data, edges), size, np.random.default_rng(1))
    assert_same(parts.moments, whole.moments)
    for cell, count in enumerate(cell_counts(data)):
        expected, weights = whole.reservoir.draw(cell, size)
        found, found_weights = parts.reservoir.draw(cell, size)
        assert len(expected) == min(size, count)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(found_weights, weights)


@given(seed=seeds, size=st.integers(1, 60))
def test_a_reservoir_holds_distinct_rows_of_the_cell(seed: int, size: int) -> None:
    data = random_transitions(np.random.default_rng(seed), 120, 2, 2)
    halves = [Sketch.of([half], size, np.random.default_rng(seed)) for half in cut(data, [50])]
    labels, z = cell_labels(data), np.column_stack([columns(data), data.weights])
    for sketch in (
        Sketch.of([data], size, np.random.default_rng(seed)),
        halves[0].merge(halves[1]),
    ):
        for cell in range(4):
            rows = np.column_stack(sketch.reservoir.draw(cell, size))
            members = {tuple(row) for row in z[labels == cell]}
            assert len(rows) == min(size, len(members))
            assert {tuple(row) for row in rows} <= members
            assert len({tuple(row) for row in rows}) == len(rows)


def test_heavy_rows_are_drawn_more_often() -> None:
    data = random_transitions(np.random.default_rng(0), 400, 1, 1)
    heavy = np.arange(400) % 4 == 0  # half of the rows of cell 0
    data = replace(data, weights=np.where(heavy, 9.0, 1.0))
    shares = []
    for seed in range(200):
        reservoir = CellReservoir(1, np.random.default_rng(seed))
        reservoir.offer(data)
        shares.append(reservoir.draw(0, 1)[1][0] == 9.0)
    assert np.mean(shares) == pytest.approx(0.9, abs=0.08)


def test_chunks_of_other_data_are_refused() -> None:
    one = random_transitions(np.random.default_rng(0), 20, 3, 2)
    for other in (
        random_transitions(np.random.default_rng(0), 20, 3, 4),
        random_transitions(np.random.default_rng(0), 20, 2, 2),
    ):
        with pytest.raises(InputError, match="chunks must come from one dataset"):
            Sketch.of([one, other], 5, np.random.default_rng(0))
    with pytest.raises(InputError, match="0 chunks"):
        Sketch.of([], 5, np.random.default_rng(0))
    with pytest.raises(InputError, match="size 0"):
        Sketch.of([one], 0, np.random.default_rng(0))
