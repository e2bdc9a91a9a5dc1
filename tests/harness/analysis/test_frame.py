import random
from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from harness.analysis import ARM_ORDER, curves_frame, runs_frame
from harness.analysis.frame import average_replicates, beside_every_size
from harness.core.records import RunRecord
from tests.support.records.regression import make_regression

MakeRun = Callable[..., RunRecord]


def test_a_run_becomes_a_row(run: MakeRun) -> None:
    record = run([0.0, 10.0, 20.0, 60.0], arm="random", size=50, seed=3, references=(-5.0, 80.0))
    row = runs_frame([record]).iloc[0]
    assert row["dataset"] == "classic/cartpole/medium-v0"
    assert (row["arm"], row["size"], row["learner"], row["seed"]) == ("random", 50, "fqi", 3)
    assert row["headline"] == pytest.approx(30.0)  # mean of 10, 20 and 60
    assert row["last_return"] == pytest.approx(60.0)
    assert row[["regret", "agreement"]].isna().all()  # as in records of before there were any
    assert (row["reference_min"], row["reference_max"], row["rows"]) == (-5.0, 80.0, 50)


def test_a_failed_run_stays_without_measurements(run: MakeRun) -> None:
    frame = runs_frame([run([1.0]), run(None, seed=1)])
    failed = frame[frame["status"] == "failed"]
    assert failed["seed"].tolist() == [1]
    assert failed[["headline", "last_return", "seconds_training"]].isna().all(axis=None)
    assert failed["rows"].isna().all()


def test_arms_keep_the_fixed_order_and_others_follow_by_name(run: MakeRun) -> None:
    arms = ["zeta", *reversed(ARM_ORDER), "alpha"]
    frame = runs_frame(run([1.0], arm=arm, size=10) for arm in arms)
    assert frame["arm"].tolist() == [*ARM_ORDER, "alpha", "zeta"]


def test_frames_do_not_depend_on_the_order_of_records(records: Sequence[RunRecord]) -> None:
    shuffled = random.Random(3).sample(records, len(records))
    pd.testing.assert_frame_equal(runs_frame(shuffled), runs_frame(records))
    pd.testing.assert_frame_equal(curves_frame(shuffled), curves_frame(records))


def test_every_checkpoint_of_a_completed_run_is_a_row(run: MakeRun) -> None:
    frame = curves_frame([run([1.0, 4.0]), run(None, seed=1)])
    assert frame[["seed", "step", "mean_return"]].to_numpy().tolist() == [
        [0, 500, 1.0],
        [0, 1000, 4.0],
    ]


def test_rows_without_a_size_stand_beside_every_size(run: MakeRun) -> None:
    runs = [run([1.0]), *(run([1.0], arm="random", size=size) for size in (10, 40))]
    lone = run([1.0], learner="dqn")
    frame = beside_every_size(runs_frame([*runs, lone]))
    fqi, dqn = frame[frame["learner"] == "fqi"], frame[frame["learner"] == "dqn"]
    assert sorted(zip(fqi["size"], fqi["arm"], strict=True)) == [
        (10, "full"),
        (10, "random"),
        (40, "full"),
        (40, "random"),
    ]
    assert dqn["size"].isna().tolist() == [True]


def test_replicates_of_a_seed_are_averaged(run: MakeRun) -> None:
    runs = [
        *(run([value], seed=0, replicate=turn) for turn, value in enumerate([1.0, 2.0, 6.0])),
        run([7.0], seed=1),
        run(None, seed=1, replicate=1),
    ]
    frame = average_replicates(runs_frame(runs))
    assert frame["seed"].tolist() == [0, 1, 1]
    assert frame["headline"].tolist()[:2] == pytest.approx([3.0, 7.0])
    assert frame["status"].tolist() == ["completed", "completed", "failed"]
    curves = average_replicates(curves_frame([run([1.0, 5.0]), run([3.0, 9.0], replicate=1)]))
    assert curves[["step", "mean_return"]].to_numpy().tolist() == [[500, 2.0], [1000, 7.0]]


def test_runs_without_replicates_stay_as_they_are(records: Sequence[RunRecord]) -> None:
    frame = runs_frame(records)
    assert average_replicates(frame) is frame


def test_no_records_give_empty_frames() -> None:
    assert runs_frame([]).empty
    assert curves_frame([]).empty
    assert "headline" in runs_frame([])


def test_a_regression_run_becomes_a_row_without_returns() -> None:
    frame = runs_frame([make_regression(0.42, arm="random", size=20, seed=3)])
    row = frame.iloc[0]
    assert (row["arm"], row["size"], row["seed"], row["rows"]) == ("random", 20, 3, 20)
    assert row["headline"] == 0.42
    assert (
        row[["last_return", "regret", "agreement", "reference_min", "reference_max"]].isna().all()
    )
    assert curves_frame([make_regression(0.42)]).empty
