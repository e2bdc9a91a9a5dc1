"""Expected seconds of runs, against those of every committed suite."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

import pytest

from harness.core.records import RunRecord, Seconds, read_records
from harness.execution.progress import TimeLeft
from harness.learners.networks import NetworkLearner
from harness.suites.costs import NETWORKS, expected_seconds, recorded_seconds
from harness.suites.loading import load_suite, parse_suite
from harness.tasks.builtin import LEARNERS
from tests.support.records.control import make_record, make_result

RESULTS = Path(__file__).parents[3] / "results"
SUITES = sorted(path.parent.name for path in RESULTS.glob("*/records.jsonl*"))


def test_every_learner_that_takes_gradient_steps_has_a_measured_cost() -> None:
    networks = {
        name for name in LEARNERS.builtin if issubclass(LEARNERS.find(name), NetworkLearner)
    }
    assert NETWORKS.keys() == networks - {"dqn", "fqi"}


def steady(records: list[RunRecord]) -> list[RunRecord]:
    """The records as of a machine that nothing else uses: seconds are medians over seeds.

    Many were made beside other work, by which seconds of equal runs differ up to sevenfold; no
    estimate can know of work that is still to come.
    """
    cells: dict[str, list[RunRecord]] = defaultdict(list)
    for record in records:
        if record.result:  # a failed run tells no seconds
            cells[record.run_id.partition("__seed")[0]].append(record)
    return [with_seconds(record, typical_of(cell)) for cell in cells.values() for record in cell]


def typical_of(records: list[RunRecord]) -> Seconds:
    taken = [record.result.seconds for record in records if record.result]
    return Seconds(
        reduction=median(seconds.reduction for seconds in taken),
        training=median(seconds.training for seconds in taken),
        evaluation=median(seconds.evaluation for seconds in taken),
    )


def with_seconds(record: RunRecord, seconds: Seconds) -> RunRecord:
    assert record.result is not None
    return record.model_copy(
        update={"result": record.result.model_copy(update={"seconds": seconds})}
    )


def in_the_order_of_running(name: str, records: list[RunRecord]) -> list[RunRecord]:
    by_id = {record.run_id: record for record in records}
    return [by_id[spec.run_id] for spec in load_suite(name).runs() if spec.run_id in by_id]


@pytest.mark.parametrize("name", SUITES)
def test_time_left_is_right_within_a_factor_of_two_after_a_tenth(name: str) -> None:
    records = in_the_order_of_running(name, steady(list(read_records(RESULTS / name))))
    assert len(records) >= 45
    time_left = TimeLeft(expected_seconds(record.spec for record in records))
    tenth = records[: len(records) // 10]
    elapsed = recorded_seconds(tenth)
    estimates = [time_left.after(record.run_id, elapsed) for record in tenth]
    left = recorded_seconds(records) - elapsed
    assert 0.5 < estimates[-1] / left < 2.0


SUITE = """
name = "shared"
description = "Two learners on each reduction, one of which needs a teacher."
datasets = ["classic/cartpole/medium-v0"]
sizes = [30, 60]
seeds = [0, 1, 2]
reducers = ["full", "stratified", { name = "stratified", labels = "advantage" }]
learners = [{ name = "dqn", parameters = { steps = 4000 } }, { name = "linear-fqi" }]
"""


def test_what_runs_share_is_expected_and_recorded_once() -> None:
    runs = [run for run in parse_suite(SUITE, "shared").runs() if run.size == 30]
    labelled = [run for run in runs if run.reducer.labels]
    expected = expected_seconds(runs)
    first, *others = [expected[run.run_id] for run in labelled if run.learner.name == "dqn"]
    assert others == [pytest.approx(first - 3.0)] * 2  # the teacher's seconds
    taken = Seconds(reduction=5.0, training=1.0, evaluation=0.25)
    records = [with_seconds(make_record(run, make_result(run, [1.0])), taken) for run in labelled]
    assert recorded_seconds(records) == pytest.approx(6 * 1.25 + 5.0)
    plain = [run for run in runs if run.reducer.label == "stratified"]
    records = [with_seconds(make_record(run, make_result(run, [1.0])), taken) for run in plain]
    assert recorded_seconds(records) == pytest.approx(6 * 1.25 + 3 * 5.0)


def test_a_teacher_is_fitted_once_for_labels_and_learners_of_the_same_data() -> None:
    """Those of all rows share a fit; permuted rows and reduced ones have fits of their own."""
    text = SUITE.replace("learners = [", 'learners = [{ name = "teacher" }, ')
    permuted = 'reducers = [{ name = "full", control = "permuted" }, '
    suite = parse_suite(text.replace("reducers = [", permuted), "shared")
    runs = [run for run in suite.runs() if run.size != 60 and run.learner.name == "teacher"]
    expected = expected_seconds(runs)
    fitting = [run.reducer.label for run in runs if 3 <= expected[run.run_id] < 6]
    assert Counter(fitting) == {
        **{"full-permuted": 3, "full": 1, "stratified": 3, "stratified-advantage": 3},
    }
    whole = [run for run in runs if run.reducer.label == "full"]
    taken = Seconds(reduction=0.0, training=3.0, evaluation=0.25)
    records = [with_seconds(make_record(run, make_result(run, [1.0])), taken) for run in whole]
    assert recorded_seconds(records) == pytest.approx(3 * 0.25 + 3.0)
