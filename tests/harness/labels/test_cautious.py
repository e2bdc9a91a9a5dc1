"""The cautious teacher: what is hardly done is no choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.labels.cautious import CautiousTeacher
from harness.labels.closed_form import ClosedFormTeacher
from harness.testing.rows import random_transitions

QUICK = {"feature_count": 20, "iterations": 30, "draws": 3}


def rare(share: float) -> Transitions:
    """Data in which the last of three actions is taken rarely, and pays best by far."""
    rng = np.random.default_rng(0)
    data = random_transitions(rng, 600, action_count=3)
    actions = rng.integers(2, size=600)
    actions[: round(600 * share)] = 2
    return replace(
        data, actions=actions, rewards=np.where(actions == 2, 9.0, actions), weights=np.ones(600)
    )


def test_a_rare_action_is_as_bad_as_the_worst_of_the_others() -> None:
    data = rare(0.01)
    values = CautiousTeacher(**QUICK).fit(data, 0.9).q.values(data.observations)
    np.testing.assert_array_equal(values[:, 2], values[:, :2].min(axis=1))
    assert (values.argmax(axis=1) == 1).mean() > 0.9
    trusting = ClosedFormTeacher(**QUICK).fit(data, 0.9).q.values(data.observations)
    assert (trusting.argmax(axis=1) == 2).mean() > 0.5


def test_with_support_for_all_it_is_the_closed_form_with_its_caution() -> None:
    data = rare(0.3)
    cautious = CautiousTeacher(**QUICK, caution=1.5).fit(data, 0.9)
    plain = ClosedFormTeacher(**QUICK, caution=1.5).fit(data, 0.9)
    np.testing.assert_array_equal(
        cautious.q.values(data.observations), plain.q.values(data.observations)
    )


def test_a_share_that_leaves_one_action_is_refused() -> None:
    with pytest.raises(InputError, match=r"support 0.6 of teacher 'cautious'.*lower it"):
        CautiousTeacher(**QUICK, support=0.6).fit(rare(0.01), 0.9)
