"""Data without signal: what stays, what goes, and what a sound learner finds in them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.classes.specs import Control
from harness.labels.closed_form import ClosedFormTeacher
from harness.labels.signal import without_signal
from harness.testing.rows import in_episodes, random_transitions


@given(st.integers(0, 2**32 - 1), st.sampled_from(["constant", "permuted"]))
def test_states_and_actions_stay(seed: int, control: Control) -> None:
    rng = np.random.default_rng(seed)
    data = in_episodes(random_transitions(rng, 40))
    found = without_signal(data, control, rng)
    for name in ("observations", "actions", "next_observations", "weights", "episodes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(data, name))


@given(st.integers(0, 2**32 - 1))
def test_a_constant_control_pays_the_mean_and_never_ends(seed: int) -> None:
    data = random_transitions(np.random.default_rng(seed), 40)
    found = without_signal(data, "constant", np.random.default_rng(0))
    assert not found.terminations.any()
    assert np.ptp(found.rewards) == 0
    mean = np.average(data.rewards, weights=data.weights)
    assert found.rewards[0] == pytest.approx(mean, abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_a_permuted_control_keeps_how_often_each_outcome_occurs(seed: int) -> None:
    data = random_transitions(np.random.default_rng(seed), 40)
    found = without_signal(data, "permuted", np.random.default_rng(seed))
    before, after = (
        Counter(zip(rows.rewards.tolist(), rows.terminations.tolist(), strict=True))
        for rows in (data, found)
    )
    assert before == after


def test_the_default_teacher_finds_nothing_in_a_constant_control() -> None:
    data = random_transitions(np.random.default_rng(0), 200, action_count=3)
    silent = without_signal(data, "constant", np.random.default_rng(0))
    values = (
        ClosedFormTeacher(feature_count=30, iterations=30)
        .fit(silent, 0.99)
        .q.values(data.observations)
    )
    assert np.ptp(values) < 1e-9 * np.abs(values).max()
