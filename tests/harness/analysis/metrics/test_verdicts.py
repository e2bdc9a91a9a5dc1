"""The sentence at the head of a report, against records whose answer is known."""

from __future__ import annotations

import pytest

from harness.analysis.metrics import metric_of
from harness.core.records import RunRecord
from tests.support.records.control import make_run
from tests.support.records.regression import make_gap, make_regression


def verdict(records: list[RunRecord]) -> str:
    metric = metric_of(records)
    return metric.verdict(records, metric.compare(records))


def runs(arm: str, size: int | None, value: float, learner: str = "fqi") -> list[RunRecord]:
    return [make_run([value], arm=arm, size=size, learner=learner, seed=seed) for seed in range(3)]


def test_the_smallest_set_that_keeps_the_return_is_named() -> None:
    found = verdict(
        [
            *runs("full", None, 80.0),
            *runs("random", 10, 60.0),
            *runs("random", 50, 79.0),
            *runs("bellman", 50, 76.0),
            *runs("bellman", 200, 90.0),
        ]
    )
    assert found.startswith("In 1 of 1 pair of dataset and learner a set keeps 90 % or more")
    assert "the smallest of 4 sets: 50 of 10,000 transitions by random, learner fqi" in found
    assert "retention 0.99 with score 0.79 [0.79, 0.79] over 3 seeds." in found


def test_where_no_set_keeps_it_the_best_is_named() -> None:
    dqn = [*runs("full", None, 50.0, "dqn"), *runs("random", 10, 20.0, "dqn")]
    found = verdict([*runs("full", None, 80.0), *runs("random", 10, 60.0), *dqn])
    assert found.startswith("In 0 of 2 pairs of dataset and learner")
    assert "the best of 2 sets: 10 of 10,000 transitions by random, learner fqi" in found


def test_full_data_that_teach_next_to_nothing_are_nothing_to_keep() -> None:
    little = [*runs("full", None, 3.0, "dqn"), *runs("random", 10, 30.0, "dqn")]
    found = verdict([*runs("full", None, 80.0), *runs("random", 50, 79.0), *little])
    assert found.startswith("In 1 of 1 pair")
    assert "the smallest of 1 sets: 50 of 10,000 transitions by random, learner fqi" in found


@pytest.mark.parametrize(
    "records",
    [
        runs("random", 50, 79.0),
        [*runs("full", None, 0.0), *runs("random", 50, 79.0)],
        [*runs("full", None, 9.0), *runs("random", 50, 79.0)],
        [*runs("full", None, 80.0), *runs("full-shaped", None, 90.0)],
        [make_run(None)],
    ],
    ids=["no full data", "full data gain nothing", "full data gain little", "no set", "all failed"],
)
def test_what_cannot_be_held_against_full_data_is_said(records: list[RunRecord]) -> None:
    assert verdict(records).startswith("No set can be held against full data here")


def test_the_smallest_set_near_to_the_error_of_full_data_is_named() -> None:
    errors = {("full", None): 1.0, ("random", 20): 1.5, ("random", 50): 1.08, ("exact", 50): 1.02}
    found = verdict(
        [
            make_regression(value, arm=arm, size=size, seed=seed)
            for (arm, size), value in errors.items()
            for seed in range(2)
        ]
    )
    assert "a set comes within 10 % of the test error of full data" in found
    assert "the smallest of 3 sets: 50 of " in found
    assert "rows by exact, " in found
    assert "ratio 1.020 [1.020, 1.020] over 2 trials." in found


def test_the_least_gap_is_named() -> None:
    found = verdict([make_gap(0.5, 3, seed=seed) for seed in range(2)])
    assert found.startswith("The least worst-case gap is that of loss-matching with ")
    assert "3 predictors" in found
    assert found.endswith(": 0.500 [0.500, 0.500] over 2 seeds, of 1 compared.")
