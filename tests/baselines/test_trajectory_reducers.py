from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from baselines.herding import HerdingReducer
from baselines.k_centre import KCentreReducer, find_centres, transition_points
from baselines.return_filter import ReturnFilterReducer, measure_episodes
from baselines.return_weighted import ReturnWeightedReducer
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.testing.rows import random_transitions

needs_coreax = pytest.mark.skipif(find_spec("coreax") is None, reason="coreax is not installed")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def played(lengths: list[int], seed: int = 0) -> Transitions:
    """Arbitrary rows in episodes of the given lengths, numbered with gaps."""
    rows = random_transitions(rng(seed), sum(lengths))
    return replace(rows, episodes=np.repeat(3 + 2 * np.arange(len(lengths)), lengths))


def returns_by_hand(transitions: Transitions) -> dict[int, float]:
    assert transitions.episodes is not None
    numbers = transitions.episodes
    return {n: float(transitions.rewards[numbers == n].sum()) for n in np.unique(numbers).tolist()}


lengths = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(lengths=lengths, seed=st.integers(0, 99))
def test_episodes_have_their_lengths_and_returns(lengths: list[int], seed: int) -> None:
    source = played(lengths, seed)
    found_lengths, returns = measure_episodes(source, "any")
    assert found_lengths.tolist() == lengths
    np.testing.assert_allclose(returns, [*returns_by_hand(source).values()], atol=1e-12)


@given(lengths=lengths, seed=st.integers(0, 99), share=st.floats(0.01, 1), data=st.data())
def test_only_the_best_episodes_are_drawn_from(
    lengths: list[int], seed: int, share: float, data: st.DataObject
) -> None:
    source = played(lengths, seed)
    size = data.draw(st.integers(1, len(source)))
    reduced = ReturnFilterReducer(share=share).reduce(source, size, rng(seed))
    assert source.episodes is not None
    assert reduced.source_indices is not None
    returns = returns_by_hand(source)
    ranked = sorted(returns, key=lambda number: -returns[number])
    kept = int(reduced.diagnostics["episodes"])
    assert set(source.episodes[reduced.source_indices]) <= set(ranked[:kept])
    assert kept >= share * len(ranked)
    if kept > np.ceil(share * len(ranked)):  # only because fewer would not hold the size
        assert np.isin(source.episodes, ranked[: kept - 1]).sum() < size


def test_chance_decides_between_equal_returns() -> None:
    source = replace(played([5] * 20), rewards=np.ones(100))
    drawn = []
    for seed in range(8):
        rows = ReturnFilterReducer().reduce(source, 10, rng(seed)).source_indices
        assert rows is not None
        drawn.append({*(rows // 5).tolist()})
    assert all(len(episodes) == 2 for episodes in drawn)
    assert len(set.union(*drawn)) > 5


def test_episodes_are_drawn_in_proportion_to_length_and_return_weight() -> None:
    lengths, temperature, draws, size = [20, 30, 40, 50], 0.7, 4000, 3
    source = replace(played(lengths), weights=np.ones(140))
    returns = np.array([*returns_by_hand(source).values()])
    scaled = (returns - returns.min()) / (returns.max() - returns.min())
    expected = np.array(lengths) * np.exp(scaled / temperature)
    expected /= expected.sum()
    reducer, stream = ReturnWeightedReducer(temperature=temperature), rng()
    ends, rows = np.cumsum(lengths), np.zeros(140)
    for _ in range(draws):
        reduced = reducer.reduce(source, size, stream)
        np.testing.assert_allclose(reduced.transitions.weights, 1)
        rows[reduced.source_indices] += 1
    counts = np.array([part.sum() for part in np.split(rows, ends[:-1])])
    error = np.sqrt(expected * (1 - expected) / (draws * size))
    assert (np.abs(counts / counts.sum() - expected) <= 5 * error).all()
    for part in np.split(rows, ends[:-1]):  # uniform inside an episode
        assert (np.abs(part - part.mean()) <= 5 * np.sqrt(part.mean())).all()


@given(lengths=lengths, seed=st.integers(0, 99), temperature=st.floats(0.001, 9))
def test_at_full_size_weights_are_those_of_the_paper(
    lengths: list[int], seed: int, temperature: float
) -> None:
    source = played(lengths, seed)
    reduced = ReturnWeightedReducer(temperature=temperature).reduce(source, len(source), rng())
    returns = [*returns_by_hand(source).values()]
    spread = max(returns) - min(returns) or 1
    scores = [np.exp((one - max(returns)) / spread / temperature) for one in returns]
    expected = source.weights * np.repeat(scores, lengths)
    shares = expected / expected.sum()
    np.testing.assert_allclose(reduced.transitions.shares, shares, rtol=1e-9, atol=1e-11)


@given(rows=st.integers(3, 9), size=st.integers(1, 3), seed=st.integers(0, 999))
@settings(deadline=None)
def test_no_row_is_farther_than_twice_the_best_radius(rows: int, size: int, seed: int) -> None:
    points = rng(seed).integers(0, 5, (rows, 2)).astype(float)  # equal rows among them
    distances = cdist(points, points)
    best = min(
        distances[:, list(chosen)].min(axis=1).max()
        for chosen in itertools.combinations(range(rows), size)
    )
    centres, nearest, radius = find_centres(points, size, seed % rows)
    assert len(set(centres.tolist())) == size
    assert nearest[centres].tolist() == [*range(size)]
    to_centres = distances[:, centres]
    np.testing.assert_allclose(to_centres[np.arange(rows), nearest], to_centres.min(axis=1))
    assert radius == pytest.approx(to_centres.min(axis=1).max())
    assert radius <= 2 * best + 1e-12


def test_centres_weigh_as_much_as_the_rows_nearest_to_them() -> None:
    source = random_transitions(rng(), 80)
    reduced = KCentreReducer().reduce(source, 9, rng())
    points = transition_points(source)
    nearest = cdist(points, points[reduced.source_indices]).argmin(axis=1)
    expected = [source.shares[nearest == number].sum() for number in range(9)]
    np.testing.assert_allclose(reduced.transitions.shares, expected)


def test_units_do_not_move_the_centres_but_actions_count() -> None:
    source = random_transitions(rng(), 50)
    scaled = replace(
        source,
        observations=source.observations * [1e-6, 1.0, 1e6],
        next_observations=source.next_observations * [1e-6, 1.0, 1e6],
        rewards=source.rewards * 1e3,
    )
    np.testing.assert_allclose(transition_points(scaled), transition_points(source), atol=1e-9)
    flat = replace(
        source,
        observations=np.ones((50, 3)),
        next_observations=np.ones((50, 3)),
        rewards=np.ones(50),
    )
    centres = KCentreReducer().reduce(flat, 2, rng()).source_indices
    assert {*source.actions[centres].tolist()} == {0, 1}


@needs_coreax
def test_herding_follows_the_kernel_mean_better_than_chance() -> None:
    source = replace(random_transitions(rng(), 60), weights=np.ones(60))
    rows = np.column_stack(
        [
            source.observations,
            np.eye(2)[source.actions],
            source.next_observations,
            source.rewards,
        ]
    )
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    kernel = np.exp(-cdist(rows, rows, "sqeuclidean") / np.median(cdist(rows, rows)) ** 2)

    def discrepancy(kept: np.ndarray) -> float:
        return float(kernel[np.ix_(kept, kept)].mean() - 2 * kernel[kept].mean() + kernel.mean())

    reduced = HerdingReducer().reduce(source, 5, rng())
    assert reduced.source_indices is not None
    by_chance = [discrepancy(rng(seed).choice(60, 5, replace=False)) for seed in range(20)]
    assert discrepancy(reduced.source_indices) < min(by_chance)
    assert set(reduced.transitions.weights) == {1.0}


def test_a_missing_coreax_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "coreax", None)
    message = r"method 'herding' needs coreax .*pip install 'bellman-bench\[benchmarks\]'"
    with pytest.raises(InputError, match=message):
        HerdingReducer().reduce(random_transitions(rng(), 20), 5, rng())
