from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from baselines.leverage import draw_systematic, inclusion_probabilities, leverage_scores

scores = arrays(float, st.integers(1, 40), elements=st.floats(0, 1)).filter(
    lambda s: s.max() > 1e-6
)


@given(seed=st.integers(0, 2**32 - 1), copies=st.integers(0, 2))
def test_scores_are_the_diagonal_of_the_projection(seed: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, 4))
    rows = np.column_stack([rows, rows[:, :copies] @ rng.normal(size=(copies, copies))])
    projection = rows @ np.linalg.pinv(rows)
    np.testing.assert_allclose(leverage_scores(rows), np.diag(projection), atol=1e-9)


@given(scores=scores, data=st.data())
def test_probabilities_follow_the_scores_and_sum_to_the_size(
    scores: np.ndarray[tuple[int], np.dtype[np.float64]], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(scores)))
    probabilities = inclusion_probabilities(scores, size)
    assert probabilities.sum() == pytest.approx(size, rel=1e-9)
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()
    free = (probabilities < 1) & (scores > scores.max() * 1e-9)
    if free.any():
        ratio = probabilities[free] / scores[free]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


@given(scores=scores, data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_a_draw_has_distinct_rows_of_the_size(
    scores: np.ndarray[tuple[int], np.dtype[np.float64]], data: st.DataObject, seed: int
) -> None:
    size = data.draw(st.integers(1, len(scores)))
    rows = draw_systematic(inclusion_probabilities(scores, size), np.random.default_rng(seed))
    assert len(np.unique(rows)) == size


def test_rows_are_drawn_with_their_probability() -> None:
    """So that 1 / probability makes weighted sums unbiased."""
    probabilities = inclusion_probabilities(np.array([5.0, 1.0, 0.5, 0.4, 0.3, 0.2]), 3)
    rng = np.random.default_rng(0)
    draws = 20_000
    counts = np.zeros(6)
    for _ in range(draws):
        counts[draw_systematic(probabilities, rng)] += 1
    error = np.sqrt(probabilities * (1 - probabilities) / draws)
    assert (np.abs(counts / draws - probabilities) <= 5 * error).all()
