import random
from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from harness.analysis import ARM_ORDER, curves_frame, runs_frame
from harness.analysis.frame import beside_every_size
from harness.records import RunRecord

MakeRun = Callable[..., RunRecord]


def test_a_run_becomes_a_row(run: MakeRun) -> None:
    record = run([0.0, 10.0, 20.0, 60.0], arm="random", size=50, seed=3, references=(-5.0, 80.0))
    row = runs_frame([record]).iloc[0]
    assert row["dataset"] == "classic/cartpole/medium-v0"
    assert (row["arm"], row["size"], row["learner"], row["seed"]) == ("random", 50, "fqi", 3)
    assert row["headline_return"] == pytest.approx(30.0)  # mean of 10, 20 and 60
    assert row["last_return"] == pytest.approx(60.0)
    assert (row["reference_min"], row["reference_max"], row["rows"]) == (-5.0, 80.0, 50)


def test_a_failed_run_stays_without_measurements(run: MakeRun) -> None:
    frame = runs_frame([run([1.0]), run(None, seed=1)])
    failed = frame[frame["status"] == "failed"]
    assert failed["seed"].tolist() == [1]
    assert failed[["headline_return", "last_return", "seconds_training"]].isna().all(axis=None)
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


def test_no_records_give_empty_frames() -> None:
    assert runs_frame([]).empty
    assert curves_frame([]).empty
    assert "headline_return" in runs_frame([])
