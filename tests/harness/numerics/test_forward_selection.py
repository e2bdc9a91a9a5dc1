"""Selection by updates is selection by refitting: the oracle solves every regression anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.arrays import Float64Array, IntArray
from harness.numerics.forward_selection import GrowingRegression, select_forward
from harness.numerics.kernels import KERNELS

seeds = st.integers(0, 2**32 - 1)
ridges = st.floats(1e-4, 10)


def refitted_error(
    kernel: Float64Array,
    targets: Float64Array,
    shares: Float64Array,
    actions: IntArray,
    rows: list[int],
    ridge: float,
) -> float:
    """Squared error of ridge regression from some rows, its kernel zero across actions."""
    kernel = kernel * (actions[:, None] == actions)
    units = np.array([kernel.diagonal()[actions == action].mean() for action in actions])
    noise = np.diag(ridge * units[rows])
    solved = np.linalg.solve(kernel[np.ix_(rows, rows)] + noise, targets[rows])
    return float(shares @ (targets - kernel[:, rows] @ solved) ** 2)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, ridge=ridges, actions=st.integers(1, 3), size=st.integers(1, 8))
def test_every_row_lowers_refitted_errors_most(
    seed: int, ridge: float, actions: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    states, targets, shares = rng.normal(size=(14, 2)), rng.normal(size=14), rng.random(14)
    taken = rng.integers(actions, size=14)
    groups = [np.flatnonzero(taken == action) for action in np.unique(taken)]
    matrices = [kernel(states, states) for kernel in KERNELS.values()]
    blocks = [[matrix[np.ix_(rows, rows)] for matrix in matrices] for rows in groups]
    found = select_forward(blocks, groups, targets, shares, size, ridge)

    def relative_decrease(row: int, before: list[int]) -> float:
        errors = [
            [refitted_error(m, targets, shares, taken, rows, ridge) for m in matrices]
            for rows in (before, [*before, row])
        ]
        return float(sum((old - new) / old for old, new in zip(*errors, strict=True)))

    chosen: list[int] = []
    for row in found.rows.tolist():
        worth = {each: relative_decrease(each, chosen) for each in set(range(14)) - {*chosen}}
        assert worth[row] == pytest.approx(max(worth.values()), rel=1e-6, abs=1e-7)
        chosen.append(row)
    zero = float(shares @ targets**2)
    expected = [refitted_error(m, targets, shares, taken, chosen, ridge) / zero for m in matrices]
    np.testing.assert_allclose(found.errors, expected, rtol=1e-7, atol=1e-9)


@given(seed=seeds, ridge=ridges)
def test_gains_are_the_decrease_that_selecting_brings(seed: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(12, 3))
    kernel = KERNELS["network"](states, states)
    for row in range(12):
        fit = GrowingRegression(kernel, rng.normal(size=12), rng.random(12), ridge)
        for earlier in rng.permutation(12)[:4]:
            fit.select(int(earlier))
        gain, before = fit.gains()[row], fit.error
        fit.select(row)
        assert before - fit.error == pytest.approx(gain, rel=1e-7, abs=1e-9)


def test_targets_of_zero_select_distinct_rows() -> None:
    states = np.zeros((6, 1))  # all alike, too
    matrix = KERNELS["gaussian"](states, states)
    found = select_forward([[matrix]], [np.arange(6)], np.zeros(6), np.ones(6) / 6, 6, 0.01)
    assert sorted(found.rows) == list(range(6))
    assert found.errors.tolist() == [0.0]
