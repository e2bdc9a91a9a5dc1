import math
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import compare_cost, render
from harness.analysis.metrics.returns.cost import COLUMNS, break_even
from harness.analysis.metrics.returns.steps import steps_to
from harness.core.records import RunRecord
from tests.support.records.control import make_run
from tests.support.written import read_markdown

MakeSuite = Callable[..., list[RunRecord]]
seconds = st.floats(0.5, 50)


def runs_of(full: Sequence[float], arm: Sequence[float]) -> list[RunRecord]:
    """Runs that train so long, after a reduction of a hundredth of that."""
    return [
        *(make_run([1.0], seed=seed, seconds=time) for seed, time in enumerate(full)),
        *(
            make_run([1.0], arm="exact", size=20, seed=seed, seconds=time)
            for seed, time in enumerate(arm)
        ),
    ]


def only_row(records: list[RunRecord]) -> pd.Series:
    table = compare_cost(records)
    assert len(table) == 1
    return table.iloc[0]


@settings(max_examples=25)  # every one makes a table
@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=7))
def test_a_row_sets_the_set_beside_the_full_data(times: list[tuple[float, float]]) -> None:
    full, arm = zip(*times, strict=True)
    found = only_row(runs_of(full, arm))
    assert found["seconds_training"] == pytest.approx(min(arm))
    assert found["seconds_full"] == pytest.approx(min(full))
    assert found["seconds_reduction"] == pytest.approx(min(arm) / 100)
    assert (found["bytes"], found["dataset_bytes"], found["bytes_ratio"]) == (960, 480_000, 500)
    assert found["seconds_saved"] == pytest.approx(min(full) - min(arm), abs=1e-9)
    assert found["seeds"] == len(times)
    if len(times) > 1:
        assert found["seconds_saved_low"] == pytest.approx(min(full) - median(arm), abs=1e-9)
        assert found["seconds_saved_high"] == pytest.approx(median(full) - min(arm), abs=1e-9)


def test_trainings_pay_where_the_set_trains_faster() -> None:
    found = only_row(runs_of([10.0, 11.0, 12.0], [2.0, 3.0, 4.0]))
    assert found["seconds_saved"] == pytest.approx(8)
    assert found["break_even"] == pytest.approx(0.02 / 8)


def test_a_busy_machine_does_not_change_what_is_saved() -> None:
    idle = only_row(runs_of([5.0] * 5, [4.0] * 5))
    busy = only_row(runs_of([5.0, 90.0, 5.0, 5.0, 5.0], [4.0, 4.0, 4.0, 70.0, 4.0]))
    assert busy["seconds_saved"] == idle["seconds_saved"] == 1
    assert busy["break_even"] == idle["break_even"] == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("full", "expected"),
    [
        ([3.0, 3.0, 3.0], "never"),
        ([2.0, 2.5, 2.0], "never"),
        ([2.9, 4.0, 5.0], "–"),
        ([3.05, 3.2, 3.3], "–"),
        ([3.2, 3.2, 3.3], "0.150"),
    ],
)
def test_what_is_not_known_to_be_faster_does_not_pay(full: list[float], expected: str) -> None:
    records = runs_of(full, [3.0, 3.1, 3.1])
    (cell,) = read_markdown(render(compare_cost(records), "markdown", COLUMNS))[
        "break-even (trainings)"
    ]
    assert cell == expected


@given(st.floats(1e-4, 1e3), st.floats(1e-3, 50), st.floats(0, 50), st.floats(0, 50))
def test_break_even_is_where_the_totals_meet(
    reduction: float, saved: float, below: float, above: float
) -> None:
    count = break_even(reduction, saved, saved - below, saved + above)
    if below < saved:
        assert reduction + count * (100 - saved) == pytest.approx(count * 100)
    else:
        assert math.isnan(count)
    assert break_even(reduction, -saved, -saved - below, -saved) == math.inf


def test_one_seed_says_nothing_of_what_is_saved() -> None:
    found = only_row(runs_of([9.0], [4.0]))
    assert found["seconds_saved"] == 5
    assert math.isnan(found["break_even"])


def test_without_a_pair_nothing_is_known() -> None:
    records = [make_run([1.0], seed=0), make_run([1.0], arm="exact", size=20, seed=1)]
    found = only_row(records)
    assert found["seeds"] == 0
    assert np.isnan([found["seconds_saved"], found["break_even"]]).all()


def test_failed_runs_are_left_out() -> None:
    failed = [make_run(None, seed=7), make_run(None, arm="exact", size=20, seed=7)]
    records = runs_of([9.0, 8.0], [4.0, 5.0])
    pd.testing.assert_frame_equal(compare_cost([*records, *failed]), compare_cost(records))


@pytest.mark.parametrize("arms", [("full",), ("random", "exact")])
def test_costs_need_full_and_another_arm(suite: MakeSuite, arms: tuple[str, ...]) -> None:
    assert compare_cost(suite(arms=arms, seeds=1)).empty


def test_every_arm_and_size_has_a_row(records: Sequence[RunRecord]) -> None:
    table = compare_cost(records)
    assert list(table) == list(COLUMNS)
    blocks = table.groupby(["dataset", "size", "learner"])["arm"].agg(list)
    assert len(blocks) == 2 * 2 * 2
    assert all(arms == ["random", "stratified", "leverage", "bellman"] for arms in blocks)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9), st.floats(-5, 5))
def test_a_curve_stays_at_a_level_from_a_step_on(returns: list[float], level: float) -> None:
    curve = pd.Series(returns, index=[100 * (i + 1) for i in range(len(returns))])
    staying = [step for step in curve.index if (curve[curve.index >= step] >= level).all()]
    assert steps_to(curve, level) == (min(staying) if staying else math.inf)


def test_one_checkpoint_tells_no_speed() -> None:
    assert math.isnan(steps_to(pd.Series([1.0], index=[150]), 0.5))


def test_steps_are_told_beside_those_of_full() -> None:
    slow, quick = [20.0, 50.0, 90.0, 100.0, 100.0], [95.0, 95.0, 95.0, 95.0, 96.0]
    weak = [10.0] * 5
    records = [
        make_run(values, arm=arm, size=None if arm == "full" else 20, seed=seed)
        for arm, values in (("full", slow), ("exact", quick), ("random", weak))
        for seed in range(3)
    ]
    found = compare_cost(records).set_index("arm")
    assert found["steps"].to_dict() == {"random": math.inf, "exact": 500.0}
    assert found["steps_full"].tolist() == [1500.0, 1500.0]
