"""The certificate of many actions, against the definition that fewer are certified by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.arrays import Float64Array
from harness.core.transitions import Transitions
from harness.numerics.certificates import bellman
from harness.numerics.certificates.bellman import certify_bellman
from harness.numerics.certificates.regression import regression_certificate
from harness.numerics.features import additive_rows
from harness.numerics.standardising import Standardiser
from harness.testing.rows import random_transitions

seeds = st.integers(0, 2**32 - 1)
discounts = st.floats(0, 0.999)


def pair(seed: int, actions: int, rows: int = 60) -> tuple[Transitions, Transitions]:
    """Sets in which some actions may be missing, the second made of rows of the first's span."""
    rng = np.random.default_rng(seed)
    full = random_transitions(rng, rows, 2, actions)
    reduced = full.take(rng.choice(rows, rows // 3, replace=False))
    return full, replace(reduced, rewards=reduced.rewards + 0.1)


def embedded(full: Transitions, reduced: Transitions, discount: float) -> list[list[Float64Array]]:
    """Second moments of both sets as forms in ``(w, c, λ)``, for each action of maximum ``c``."""
    standardiser, d = Standardiser.fit(full), full.obs_dim
    rows = [additive_rows(data, standardiser, discount) for data in (full, reduced)]
    moments = [(row.T * data.shares) @ row for row, data in zip(rows, (full, reduced), strict=True)]
    forms = []
    for action in range(full.action_count):
        embedding = np.vstack([np.eye(len(moments[0]) - 1), np.zeros(len(moments[0]) - 1)])
        embedding[-2, -1] = -1
        embedding[-1, d + 1 + action] = -discount
        forms.append([embedding.T @ moment @ embedding for moment in moments])
    return forms


@given(seed=seeds, actions=st.integers(9, 24), discount=discounts)
@settings(max_examples=25, deadline=None)
def test_the_bounds_are_those_of_every_action_apart(
    seed: int, actions: int, discount: float
) -> None:
    full, reduced = pair(seed, actions)
    certificate = certify_bellman(full, reduced, discount)
    each = [regression_certificate(*forms) for forms in embedded(full, reduced, discount)]
    assert certificate.bound == pytest.approx(max(one.worst_gap for one in each), rel=1e-9)
    assert certificate.relative_bound == pytest.approx(
        max(one.relative_gap for one in each), rel=1e-6
    )


@pytest.mark.parametrize("ended", [False, True])
def test_where_the_data_leave_an_action_no_constraint(ended: bool) -> None:
    full, reduced = pair(0, 12)
    ends = np.full(len(full), ended)
    full, reduced = replace(full, terminations=ends), replace(reduced, terminations=ends[:20])
    certificate = certify_bellman(full, reduced, 0.9)
    each = [regression_certificate(*forms) for forms in embedded(full, reduced, 0.9)]
    assert certificate.relative_bound == pytest.approx(
        max(one.relative_gap for one in each), rel=1e-6
    )


@given(seed=seeds, actions=st.integers(3, 7), discount=discounts)
@settings(max_examples=15, deadline=None)
def test_climbing_finds_about_as_much_as_enumeration(
    seed: int, actions: int, discount: float
) -> None:
    full, reduced = pair(seed, actions)
    enumerated = certify_bellman(full, reduced, discount)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bellman, "ENUMERATED", 0)
        climbed = certify_bellman(full, reduced, discount)
    assert climbed.bound == pytest.approx(enumerated.bound, rel=1e-9)
    assert 0.95 * enumerated.worst_gap <= climbed.worst_gap
    assert climbed.worst_gap <= enumerated.worst_gap * (1 + 1e-9)


def test_the_predictor_sees_the_gap_it_is_given_for() -> None:
    full, reduced = pair(3, 40, rows=200)
    certificate = certify_bellman(full, reduced, 0.95)
    predictor = certificate.predictor
    offsets = predictor[full.obs_dim + 1 : -1]
    goal, found = embedded(full, reduced, 0.95)[int(offsets.argmax())]
    assert np.linalg.norm(predictor) == pytest.approx(1)
    gap = abs(float(predictor @ (goal - found) @ predictor))
    assert gap == pytest.approx(certificate.worst_gap, rel=1e-9)
    assert 0.5 * certificate.bound < certificate.worst_gap <= certificate.bound


def test_a_set_of_many_actions_has_no_gap_to_itself() -> None:
    full, _ = pair(0, 20)
    certificate = certify_bellman(full, full, 0.99)
    assert (certificate.bound, certificate.worst_gap, certificate.relative_bound) == (0, 0, 0)
