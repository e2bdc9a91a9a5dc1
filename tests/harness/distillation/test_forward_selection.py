"""Forward selection as a reducer: what it refuses, and what it does on labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness import distill
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.distillation.forward_selection import ForwardSelection
from harness.testing.rows import random_transitions

QUICK = {"name": "closed-form", "parameters": {"feature_count": 20, "iterations": 20}}


@pytest.fixture
def data() -> Transitions:
    """Rewards of 400 transitions that a smooth function of the state gives, another per action."""
    rows = random_transitions(np.random.default_rng(0), 400)
    smooth = np.sin(2 * rows.observations[:, 0]) * np.where(rows.actions == 0, 1, -2)
    return replace(rows, rewards=smooth)


def error(data: Transitions, rows: Transitions) -> float:
    """Mean squared error of nearest-neighbour regression from rows, for each action apart."""
    apart = np.square(data.observations[:, None] - rows.observations).sum(axis=2)
    apart[data.actions[:, None] != rows.actions] = np.inf
    return float(np.mean((data.rewards - rows.rewards[apart.argmin(axis=1)]) ** 2))


def test_regression_from_its_rows_is_better_than_from_random_ones(data: Transitions) -> None:
    """Judged by a regression that selects nothing: nearest neighbours."""
    ours, random = (
        [error(data, distill(data, method, 24, seed).rows) for seed in range(5)]
        for method in ("forward-selection", "stratified")
    )
    assert np.mean(ours) < 0.7 * np.mean(random)


def test_diagnostics_are_errors_that_fall_with_size(data: Transitions) -> None:
    reducer = ForwardSelection(kernels=("laplace", "raw-network"))
    few, many = (distill(data, reducer, size).diagnostics for size in (5, 60))
    assert set(few) == {"laplace_error", "raw_network_error"}
    assert all(0 <= many[name] < few[name] < 1 for name in few)


def test_the_scale_of_rewards_and_states_changes_no_choice(data: Transitions) -> None:
    reducer = ForwardSelection(kernels=("linear", "network", "laplace"))
    scaled = replace(data, rewards=256 * data.rewards, observations=4 * data.observations)
    plain, other = (distill(rows, reducer, 20).source_indices for rows in (data, scaled))
    np.testing.assert_array_equal(plain, other)


def test_more_rows_than_candidates_are_refused(data: Transitions) -> None:
    with pytest.raises(InputError, match=r"size 31: .* among 30 candidates; lower the size, or"):
        distill(data, "forward-selection", size=31, candidates=30)


def test_labels_for_all_actions_give_pairs_of_state_and_action(data: Transitions) -> None:
    labels = {
        **{"name": "advantage", "parameters": {"actions": "all"}},
        **{"teacher": QUICK, "when": "before"},
    }
    made = distill(data, "forward-selection", 21, labels=labels).rows
    assert len(made) == 21  # not a multiple of the actions
    assert made.terminations.all()
    pairs = np.column_stack([made.observations, made.actions])
    assert len(np.unique(pairs, axis=0)) == 21
