"""Fitted Q-iteration with a free level, against ridge regressions written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.numerics.features import KernelFeatures
from harness.numerics.fitted_q import fit_q
from harness.numerics.level_free_q import LevelFreeFit, fit_level_free_q
from harness.numerics.standardising import Standardiser, StandardRows, standard_rows
from harness.testing.rows import random_transitions

Array = NDArray[np.float64]
RIDGE = 0.01
WIDTH = 8


def standardised(data: Transitions) -> StandardRows:
    return standard_rows(data, Standardiser.fit(data), 1.0)


def drawn(data: Transitions) -> KernelFeatures:
    return KernelFeatures.draw(data.obs_dim, WIDTH, np.random.default_rng(5))


def fit(data: Transitions, iterations: int, ridge: float = RIDGE) -> LevelFreeFit:
    every = np.ones(data.action_count, dtype=np.bool_)
    return fit_level_free_q(
        standardised(data),
        data.shares,
        drawn(data),
        data.action_count,
        0.9,
        ridge,
        iterations,
        every,
    )


def solve(rows: Array, shares: Array, targets: Array) -> Array:
    """Weighted ridge regression by the normal equations."""
    penalty = RIDGE * shares.sum() * np.eye(rows.shape[1])
    return np.asarray(
        np.linalg.solve((rows.T * shares) @ rows + penalty, rows.T @ (shares * targets))
    )


@given(seed=st.integers(0, 1000), iterations=st.integers(1, 6))
def test_each_iteration_regresses_what_targets_differ_by_from_their_mean(
    seed: int, iterations: int
) -> None:
    data = random_transitions(np.random.default_rng(seed), 50, action_count=3)
    rows, features = standardised(data), drawn(data)
    now, then = features(rows.states), features(rows.next_states)
    targets, weights, level = data.rewards, np.zeros((3, now.shape[1])), 0.0
    for iteration in range(iterations):
        if iteration:
            best = (then @ weights.T).max(axis=1) + level
            targets = data.rewards + 0.9 * ~data.terminations * best
        level = float(data.shares @ targets)
        for action in range(3):
            mine = data.actions == action
            weights[action] = solve(now[mine], data.shares[mine], targets[mine] - level)
    expected = now @ weights.T + level
    np.testing.assert_allclose(
        fit(data, iterations).q.values(rows.states)[:, 0], expected, rtol=1e-3, atol=1e-3
    )


@given(seed=st.integers(0, 1000))
def test_the_left_out_error_is_that_of_regressions_without_each_row(seed: int) -> None:
    data = random_transitions(np.random.default_rng(seed), 24)
    now = drawn(data)(standardised(data).states)
    level = float(data.shares @ data.rewards)
    squares = 0.0
    for row in range(24):
        mine = (data.actions == data.actions[row]) & (np.arange(24) != row)
        penalty = RIDGE * data.shares[data.actions == data.actions[row]].sum()
        gram = (now[mine].T * data.shares[mine]) @ now[mine] + penalty * np.eye(now.shape[1])
        without = np.linalg.solve(gram, now[mine].T @ (data.shares * (data.rewards - level))[mine])
        squares += data.shares[row] * (data.rewards[row] - level - now[row] @ without) ** 2
    variance = data.shares @ (data.rewards - level) ** 2
    assert np.isclose(fit(data, 1).left_out_error, squares / variance, rtol=1e-3)


@pytest.mark.parametrize("reward", [1.0, -1.0, 0.0])
def test_without_signal_all_actions_are_worth_the_same_where_a_penalised_level_prefers_some(
    reward: float,
) -> None:
    data = random_transitions(np.random.default_rng(0), 200, action_count=3)
    data = Transitions(
        **{**vars(data), "rewards": np.full(200, reward), "terminations": np.zeros(200, bool)}
    )
    rows = standardised(data)
    level = reward * (1 - 0.9**40) / 0.1
    np.testing.assert_allclose(fit(data, 40).q.values(rows.states), level, rtol=1e-5)
    pulled = fit_q(
        rows, data.shares, drawn(data), 3, "product", 0.9, ridge=RIDGE, iterations=40
    ).values(rows.states)
    assert (np.ptp(pulled[:, 0], axis=1) > 1e-3).all() == (reward != 0)


def test_an_action_that_no_row_takes_is_worth_the_level() -> None:
    data = random_transitions(np.random.default_rng(0), 60)
    wider = Transitions(**{**vars(data), "action_count": 3})
    fitted = fit(wider, 5)
    values = fitted.q.values(standardised(data).states)[:, 0]
    np.testing.assert_array_equal(values[:, 2], np.full(60, fitted.q.offsets[0, 2]))


def test_values_that_run_away_are_refused() -> None:
    data = random_transitions(np.random.default_rng(0), 40)
    huge = Transitions(**{**vars(data), "rewards": data.rewards * 1e38})
    with pytest.raises(InputError, match="diverged"), np.errstate(all="ignore"):
        fit(huge, 50)
