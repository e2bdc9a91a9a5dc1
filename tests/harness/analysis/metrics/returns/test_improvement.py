import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import compare_improvement
from harness.analysis.metrics.returns.comparison import ALL_DATASETS
from harness.analysis.metrics.returns.improvement import BASELINES, COLUMNS
from harness.core.records import RunRecord
from tests.support.records.control import make_run

MakeRun = Callable[..., RunRecord]
MakeSuite = Callable[..., list[RunRecord]]

returns = st.integers(-3, 3).map(float)  # few values, so that some pairs are equal
few = settings(max_examples=25)  # every one bootstraps
pairs = st.lists(st.tuples(returns, returns), min_size=1, max_size=8)


def runs_of(arms: dict[str, Sequence[float | None]], dataset: str = "a") -> list[RunRecord]:
    """One run a seed and arm, whose score is a hundredth of its return; None for a failed one."""
    return [
        make_run(None if value is None else [value], dataset=dataset, arm=arm, size=20, seed=seed)
        for arm, values in arms.items()
        for seed, value in enumerate(values)
    ]


def row(records: list[RunRecord], arm: str, versus: str, dataset: str = "a") -> pd.Series:
    table = compare_improvement(records)
    found = table[(table[["dataset", "arm", "versus"]] == [dataset, arm, versus]).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


@few
@given(pairs)
def test_the_probability_counts_wins_and_half_of_the_ties(
    values: list[tuple[float, float]],
) -> None:
    arm, versus = zip(*values, strict=True)
    found = row(runs_of({"bellman": arm, "random": versus}), "bellman", "random")
    won = sum(1.0 if x > y else 0.5 if x == y else 0.0 for x, y in values)
    assert found["probability"] == pytest.approx(won / len(values))
    assert found["difference"] == pytest.approx(sum(x - y for x, y in values) / 100 / len(values))
    assert found["pairs"] == len(values)
    for name in ("probability", "difference"):
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        if len(values) == 1:
            assert np.isnan([low, high]).all()
        else:
            assert low - 1e-9 <= found[name] <= high + 1e-9


@few
@given(pairs)
def test_the_two_directions_share_the_whole(values: list[tuple[float, float]]) -> None:
    one, other = zip(*values, strict=True)
    records = runs_of({"random": one, "stratified": other})
    forth, back = row(records, "random", "stratified"), row(records, "stratified", "random")
    assert forth["probability"] + back["probability"] == pytest.approx(1)
    assert forth["difference"] == pytest.approx(-back["difference"])


def test_pairs_are_not_mixed() -> None:
    # unpaired, each wins half of the sixteen comparisons
    values = [1.0, 2.0, 3.0, 4.0]
    shifted = [1.5, 2.5, 3.5, 4.5]
    assert row(runs_of({"exact": shifted, "random": values}), "exact", "random")["probability"] == 1


def test_equal_arms_improve_with_probability_one_half() -> None:
    found = row(runs_of({"exact": [3.0] * 5, "random": [3.0] * 5}), "exact", "random")
    assert found[["probability", "probability_low", "probability_high"]].tolist() == [0.5] * 3
    assert found[["difference", "difference_low", "difference_high"]].tolist() == [0.0] * 3


def test_an_interval_is_about_that_of_a_binomial_share() -> None:
    wins = [1.0] * 70 + [-1.0] * 30
    found = row(runs_of({"exact": wins, "random": [0.0] * 100}), "exact", "random")
    half_width = 1.96 * math.sqrt(0.7 * 0.3 / 100)
    assert found["probability_low"] == pytest.approx(0.7 - half_width, abs=0.02)
    assert found["probability_high"] == pytest.approx(0.7 + half_width, abs=0.02)


def test_seeds_that_lack_an_arm_are_left_out() -> None:
    arms: dict[str, Sequence[float | None]] = {
        "random": [1.0, 1.0, None, 9.0],
        "exact": [2.0, None, 3.0, 1.0],
    }
    found = row(runs_of(arms), "exact", "random")
    assert (found["pairs"], found["unpaired"], found["probability"]) == (2, 2, 0.5)


def test_an_arm_without_a_pair_has_no_number() -> None:
    found = row(runs_of({"random": [1.0], "exact": [None]}), "exact", "random")
    assert found["pairs"] == 0
    assert found[["probability", "difference"]].isna().all()


def test_every_arm_meets_the_baselines_that_were_run(records: Sequence[RunRecord]) -> None:
    table = compare_improvement(records)
    assert list(table) == list(COLUMNS)
    arms = ["full", "random", "stratified", "leverage", "bellman"]
    for _, block in table.groupby(["dataset", "size", "learner"]):
        assert block[["arm", "versus"]].to_numpy().tolist() == [
            [arm, versus] for versus in BASELINES for arm in arms if arm != versus
        ]


def test_without_a_baseline_there_is_nothing_to_improve_on(suite: MakeSuite) -> None:
    assert compare_improvement(suite(arms=("full", "bellman"), seeds=1)).empty
    assert compare_improvement([]).empty
    only = compare_improvement(suite(arms=("full", "random", "bellman"), seeds=1))
    assert set(only["versus"]) == {"random"}


def test_datasets_count_alike_whatever_their_seeds() -> None:
    records = [
        *runs_of({"random": [0.0] * 2, "exact": [1.0] * 2}, "a"),
        *runs_of({"random": [0.0] * 6, "exact": [-1.0] * 6}, "b"),
    ]
    found = row(records, "exact", "random", ALL_DATASETS)
    assert found["probability"] == pytest.approx(0.5)
    assert found["difference"] == pytest.approx(0.0)
    assert found["probability_low"] == found["probability_high"]  # drawn within each dataset
    assert found["pairs"] == 8


def test_an_arm_that_lacks_a_dataset_has_no_common_number() -> None:
    records = [*runs_of({"random": [0.0], "exact": [1.0]}, "a"), *runs_of({"random": [0.0]}, "b")]
    assert math.isnan(row(records, "exact", "random", ALL_DATASETS)["probability"])


def test_a_learner_that_lacks_a_dataset_has_no_common_number() -> None:
    lone = [make_run([1.0], dataset="b", arm=arm, size=20, learner="dqn") for arm in BASELINES]
    table = compare_improvement([*runs_of({"random": [0.0], "exact": [1.0]}), *lone])
    common = table[table["dataset"] == ALL_DATASETS]
    assert set(common["learner"]) == {"dqn", "fqi"}
    assert common["probability"].isna().all()


def test_replicates_count_as_their_mean(run: MakeRun) -> None:
    records = [
        *(run([value], arm="random", size=9, replicate=i) for i, value in enumerate([1.0, 5.0])),
        *(run([value], arm="exact", size=9, replicate=i) for i, value in enumerate([4.0, 0.0])),
        run(None, arm="exact", size=9, replicate=2),
    ]
    (found,) = compare_improvement(records).to_dict("records")
    assert (found["pairs"], found["probability"]) == (1, 0.0)
    assert found["difference"] == pytest.approx((2 - 3) / 100)


def test_the_table_does_not_depend_on_the_order_of_records(records: Sequence[RunRecord]) -> None:
    shuffled = random.Random(5).sample(records, len(records))
    pd.testing.assert_frame_equal(compare_improvement(shuffled), compare_improvement(records))
