import math
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import compare_variance
from harness.analysis.metrics.returns.variance import MeanSquares
from harness.core.records import RunRecord
from tests.support.records.control import make_run

numbers = st.integers(-50, 50).map(lambda n: n / 7)
balanced = st.tuples(st.integers(2, 6), st.integers(2, 4)).flatmap(
    lambda shape: st.lists(
        st.lists(numbers, min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)
groups = st.lists(st.lists(numbers, min_size=1, max_size=4), min_size=2, max_size=6).filter(
    lambda found: any(len(group) > 1 for group in found)
)


def runs_of(values: Sequence[Sequence[float | None]], **spec: object) -> list[RunRecord]:
    """A run for every seed and replicate, whose score is a hundredth of its return."""
    return [
        make_run(None if value is None else [value], seed=seed, replicate=turn, **spec)  # type: ignore[arg-type]
        for seed, group in enumerate(values)
        for turn, value in enumerate(group)
    ]


@given(balanced)
def test_balanced_components_are_variances_of_means_and_of_rests(values: list[list[float]]) -> None:
    between, within = MeanSquares.of(values).components
    mean_within = float(np.mean(np.var(values, axis=1, ddof=1)))
    expected = np.var(np.mean(values, axis=1), ddof=1) - mean_within / len(values[0])
    assert within == pytest.approx(mean_within)
    assert between == pytest.approx(max(0.0, expected), abs=1e-9)


@given(groups)
def test_components_give_the_expected_mean_squares(values: list[list[float]]) -> None:
    """By sums over all values: the total sum of squares is that between and that within."""
    counts = [len(group) for group in values]
    flat = [y for group in values for y in group]
    total, number = float(np.var(flat) * len(flat)), len(flat)
    rests = sum(float(np.var(group) * len(group)) for group in values)
    typical = (number - sum(n * n for n in counts) / number) / (len(values) - 1)
    mean_within = rests / (number - len(values))
    mean_between = (total - rests) / (len(values) - 1)
    between, within = MeanSquares.of(values).components
    assert within == pytest.approx(mean_within, abs=1e-9)
    assert between == pytest.approx(max(0, (mean_between - mean_within) / typical), abs=1e-7)


def drawn(rng: np.random.Generator, shape: tuple[int, int], share: float) -> np.ndarray:
    """Normal values of variance one, of which such a share lies between groups."""
    between = rng.normal(0, math.sqrt(share), (shape[0], 1))
    return between + rng.normal(0, math.sqrt(1 - share), shape)


def test_known_components_are_recovered() -> None:
    values = drawn(np.random.default_rng(4), (4000, 3), 0.8)
    assert MeanSquares.of(list(values)).components == pytest.approx((0.8, 0.2), rel=0.1)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_the_interval_of_the_share_covers_as_often_as_it_says(share: float) -> None:
    rng, missed = np.random.default_rng(5), np.zeros(2)
    for _ in range(2000):
        low, high = MeanSquares.of(list(drawn(rng, (10, 5), share))).share_interval
        assert 0 <= low <= high <= 1
        missed += share < low, share > high
    above, below = missed / 2000
    assert above == pytest.approx(0.025, abs=0.011)
    assert below == pytest.approx(0.025 if share else 0.0, abs=0.011)


@given(groups)
def test_the_share_lies_in_its_interval(values: list[list[float]]) -> None:
    found = MeanSquares.of(values)
    low, high = found.share_interval
    assert low - 1e-9 <= found.share <= high + 1e-9


def test_a_negative_estimate_is_zero() -> None:
    found = MeanSquares.of([[-1.0, 1.0], [1.0, -1.0]])  # the same mean in every group
    assert found.components == (0.0, 2.0)
    assert found.share == 0.0


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [[1.0], [2.0]], []])
def test_components_need_two_groups_and_a_group_of_two(values: list[list[float]]) -> None:
    found = MeanSquares.of(values)
    assert np.isnan([*found.components, found.share, *found.share_interval]).all()


def test_a_table_row_holds_the_components_of_the_score() -> None:
    values = [[10.0, 20.0], [50.0, 50.0], [80.0, 60.0]]
    (found,) = compare_variance(runs_of(values, arm="random", size=20)).to_dict("records")
    between, within = MeanSquares.of([[y / 100 for y in row] for row in values]).components
    assert found["deviation_reduction"] == pytest.approx(math.sqrt(between))
    assert found["deviation_learner"] == pytest.approx(math.sqrt(within))
    assert found["share"] == pytest.approx(between / (between + within))
    assert 0 <= found["share_low"] <= found["share"] <= found["share_high"] <= 1
    assert (found["seeds"], found["runs"], found["failed"]) == (3, 6, 0)


def test_failed_runs_are_left_out_and_counted() -> None:
    values: list[list[float | None]] = [[10.0, 20.0, None], [50.0, 51.0, 52.0]]
    (found,) = compare_variance(runs_of(values)).to_dict("records")
    assert (found["seeds"], found["runs"], found["failed"]) == (2, 5, 1)
    nothing: list[list[float | None]] = [[None, None], [None, None]]
    (lost,) = compare_variance(runs_of(nothing)).to_dict("records")
    assert (lost["runs"], lost["failed"]) == (0, 4)
    assert math.isnan(lost["share"])


def test_runs_that_do_not_vary_owe_nothing_to_the_reduction() -> None:
    (found,) = compare_variance(runs_of([[5.0, 5.0], [5.0, 5.0]])).to_dict("records")
    assert (found["deviation_reduction"], found["deviation_learner"]) == (0.0, 0.0)
    assert (found["share"], found["share_low"], found["share_high"]) == (0.0, 0.0, 0.0)


def test_one_seed_says_nothing_of_reductions() -> None:
    (found,) = compare_variance(runs_of([[5.0, 6.0]])).to_dict("records")
    assert np.isnan([found["deviation_reduction"], found["share"], found["share_low"]]).all()


def test_only_what_was_replicated_has_a_row() -> None:
    assert compare_variance([]).empty
    assert compare_variance(runs_of([[5.0], [6.0]])).empty
    once = runs_of([[5.0], [6.0]], learner="dqn")
    assert compare_variance([*once, *runs_of([[5.0, 6.0]])])["learner"].tolist() == ["fqi"]


def test_rows_go_by_dataset_size_learner_and_arm() -> None:
    records = [
        record
        for dataset, size, learner, arm in product("ba", (90, 20), "ml", ("random", "exact"))
        for record in runs_of([[1.0, 2.0]], dataset=dataset, size=size, learner=learner, arm=arm)
    ]
    table = compare_variance(records)
    keys = table[["dataset", "size", "learner"]].to_numpy().tolist()
    assert all(one <= other for one, other in pairwise(keys))
    assert table["arm"].tolist() == ["random", "exact"] * 8
