import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis import caption, comparison, interquartile_mean, write_tables
from harness.analysis.metrics.returns.comparison import ALL_DATASETS, COLUMNS
from harness.core.errors import InputError
from harness.core.records import HEADLINE_CHECKPOINTS, RunRecord, write_record

MakeRun = Callable[..., RunRecord]
MakeSuite = Callable[..., list[RunRecord]]
KEYS = ["dataset", "size", "learner", "arm"]


def arm_row(table: pd.DataFrame, arm: str, dataset: str | None = None) -> pd.Series:
    rows = table[(table["arm"] == arm) & ((table["dataset"] == dataset) | (dataset is None))]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_block_lists_its_arms_with_full_beside_every_size(
    records: Sequence[RunRecord],
) -> None:
    table = comparison(records)
    blocks = table.groupby(["dataset", "size", "learner"])["arm"].agg(list)
    assert len(blocks) == (2 + 1) * 2 * 2  # two datasets and all of them, sizes, learners
    assert all(arms == blocks.iloc[0] for arms in blocks)
    assert blocks.iloc[0] == ["full", "random", "stratified", "leverage", "bellman"]
    full = table[(table["arm"] == "full") & (table["dataset"] != ALL_DATASETS)]
    assert full.groupby(["dataset", "learner"])["return"].nunique().eq(1).all()
    assert full["rows"].eq(10_000).all()


def test_return_is_the_interquartile_mean_of_the_headlines(run: MakeRun) -> None:
    headlines = [10.0, 20.0, 30.0, 50.0, 900.0]
    table = comparison(
        run([-700.0, value - 5, value, value + 5], seed=seed)
        for seed, value in enumerate(headlines)
    )
    row = arm_row(table, "full")
    assert row["return"] == pytest.approx((20 + 30 + 50) / 3)
    assert row["return_low"] <= row["return"] <= row["return_high"]
    assert row["seeds"] == 5


def test_score_runs_from_the_random_policy_to_the_expert(run: MakeRun) -> None:
    references = (-500.0, -100.0)
    returns = {"full": -100.0, "random": -500.0, "bellman": -200.0}
    table = comparison(
        run([value], arm=arm, references=references) for arm, value in returns.items()
    )
    scores = {arm: arm_row(table, arm)["score"] for arm in returns}
    assert scores == pytest.approx({"full": 1.0, "random": 0.0, "bellman": 0.75})


def test_retention_is_the_share_of_the_gain_of_full(run: MakeRun) -> None:
    table = comparison(
        [
            run([90.0], references=(10.0, 200.0)),
            run([50.0], arm="bellman", size=5, references=(10.0, 200.0)),
        ]
    )
    assert arm_row(table, "bellman")["retention"] == pytest.approx((50 - 10) / (90 - 10))


def test_retention_of_full_is_exactly_one(records: Sequence[RunRecord]) -> None:
    table = comparison(records)
    assert table.loc[table["arm"] == "full", "retention"].eq(1.0).all()


def test_retention_needs_a_full_arm_that_surely_gains(run: MakeRun) -> None:
    def retention(*full: float) -> float:
        runs = [run([value], seed=seed, references=(10.0, 90.0)) for seed, value in enumerate(full)]
        runs += [
            run([50.0], arm="bellman", size=5, seed=seed, references=(10.0, 90.0))
            for seed in range(len(full))
        ]
        return float(arm_row(comparison(runs), "bellman")["retention"])

    assert retention(60.0, 70.0, 80.0) == pytest.approx(40 / 60)
    assert np.isnan(retention(5.0, 12.0, 18.0))


@pytest.mark.parametrize("full", [None, 10.0, 4.0])
def test_retention_needs_a_full_arm_that_gains(run: MakeRun, full: float | None) -> None:
    runs = [run([50.0], arm="bellman", size=5, references=(10.0, 90.0))]
    if full is not None:
        runs.append(run([full], references=(10.0, 90.0)))
    assert math.isnan(arm_row(comparison(runs), "bellman")["retention"])


def test_references_without_a_span_give_no_score(run: MakeRun) -> None:
    runs = [run([50.0], seed=seed, references=(10.0, 10.0)) for seed in range(3)]
    row = arm_row(comparison(runs), "full")
    assert math.isnan(row["score"])
    assert row["return"] == pytest.approx(50.0)


def test_a_failed_run_is_counted_and_not_averaged(suite: MakeSuite, run: MakeRun) -> None:
    runs = suite(datasets=("classic/cartpole/medium-v0",), sizes=(50,), learners=("fqi",))
    lost = next(record for record in runs if record.spec.reducer.label == "bellman")
    rest = [record for record in runs if record is not lost]
    failed = run(None, arm="bellman", size=50, seed=lost.spec.seed)
    with_failed, without = comparison([*rest, failed]), comparison(rest)
    assert arm_row(with_failed, "bellman")["failed"] == 1
    assert arm_row(with_failed, "bellman")["seeds"] == 4
    pd.testing.assert_frame_equal(
        with_failed.drop(columns="failed"), without.drop(columns="failed")
    )
    assert "1 failed run" in caption([*rest, failed])


def test_an_arm_of_failed_runs_only_keeps_its_row(run: MakeRun) -> None:
    runs = [run([1.0], seed=0), *(run(None, arm="exact", size=9, seed=seed) for seed in (0, 1))]
    row = arm_row(comparison(runs), "exact")
    assert (row["seeds"], row["failed"]) == (0, 2)
    assert math.isnan(row["return"])


def test_all_datasets_pool_the_scores(run: MakeRun) -> None:
    easy, hard = [60.0, 70.0, 80.0, 90.0], [-80.0, -75.0, -70.0, -60.0]
    runs = [
        *(run([r], dataset="easy", seed=s, references=(0.0, 100.0)) for s, r in enumerate(easy)),
        *(run([r], dataset="hard", seed=s, references=(-100.0, 0.0)) for s, r in enumerate(hard)),
    ]
    row = arm_row(comparison(runs), "full", ALL_DATASETS)
    scores = [r / 100 for r in easy] + [1 + r / 100 for r in hard]
    assert row["score"] == pytest.approx(interquartile_mean(scores))
    assert row["score_low"] < row["score"] < row["score_high"]
    assert np.isnan(row[["return", "return_low", "return_high"]].astype(float)).all()


def test_all_datasets_resample_within_each_dataset(run: MakeRun) -> None:
    runs = [
        run([value], dataset=dataset, seed=seed)
        for dataset, value in (("easy", 90.0), ("hard", 10.0))
        for seed in range(4)
    ]
    row = arm_row(comparison(runs), "full", ALL_DATASETS)
    assert row["score_low"] == pytest.approx(row["score_high"])


def test_an_arm_that_lacks_a_dataset_has_no_common_score(run: MakeRun) -> None:
    runs = [
        *(run([50.0], dataset=dataset) for dataset in ("easy", "hard")),
        run([40.0], dataset="easy", arm="exact", size=9),
        run(None, dataset="hard", arm="exact", size=9),
    ]
    row = arm_row(comparison(runs), "exact", ALL_DATASETS)
    assert math.isnan(row["score"])
    assert row["failed"] == 1


def test_failures_do_not_weigh_datasets(run: MakeRun) -> None:
    """Fewer runs where an arm does badly would lift its common score."""
    runs = [
        *(run([90.0], dataset="easy", seed=seed) for seed in range(3)),
        *(run([10.0] if seed else None, dataset="hard", seed=seed) for seed in range(3)),
    ]
    row = arm_row(comparison(runs), "full", ALL_DATASETS)
    assert math.isnan(row["score"])
    assert row["failed"] == 1


def test_one_dataset_needs_no_common_block(run: MakeRun) -> None:
    assert ALL_DATASETS not in set(comparison([run([1.0])])["dataset"])


def test_seconds_are_medians_in_the_last_columns(run: MakeRun) -> None:
    table = comparison(
        run([1.0], seed=seed, seconds=seconds) for seed, seconds in enumerate((2.0, 4.0, 90.0))
    )
    row = arm_row(table, "full")
    assert list(table)[-2:] == ["seconds_reduction", "seconds_training"]
    assert (row["seconds_training"], row["seconds_reduction"]) == pytest.approx((4.0, 0.04))


def test_no_records_give_an_empty_table() -> None:
    assert list(comparison([])) == list(COLUMNS)


def test_the_caption_says_what_the_numbers_are(records: Sequence[RunRecord]) -> None:
    line = caption(records)
    assert "\n" not in line
    assert HEADLINE_CHECKPOINTS == 3
    for part in (
        "classic/acrobot/mixed-v0, classic/cartpole/medium-v0",
        "sizes 50, 200",
        "seeds 0–4",
        "5000 gradient steps",
        "2 episodes",
        "mean of the last three checkpoints",
        "95 % percentile bootstrap",
        "0..1",
    ):
        assert part in line
    assert "failed" not in line


def test_iterations_are_not_called_gradient_steps(run: MakeRun) -> None:
    closed, trained = run([1.0], learner="linear-fqi"), run([1.0, 2.0])
    assert closed.result is not None
    counted = closed.result.model_copy(update={"learner_parameters": {"iterations": 500}})
    closed = closed.model_copy(update={"result": counted})
    line = caption([closed, trained])
    assert "; 1000 gradient steps; 500 iterations; 2 episodes a checkpoint" in line
    assert "linear-fqi: iterations 500" in line
    assert "gradient" not in caption([closed])


def test_tables_are_written_whole_and_the_same_again(tmp_path: Path, suite: MakeSuite) -> None:
    for record in suite(seeds=2, sizes=(50,), learners=("fqi",)):
        write_record(tmp_path, record)
    paths = write_tables(tmp_path)
    first = {path.name: path.read_bytes() for path in paths}
    names = ("comparison", "improvement", "cost")
    assert set(first) == {f"{name}.{kind}" for name in names for kind in ("md", "csv", "tex")}
    assert set((tmp_path / "tables").iterdir()) == set(paths)
    assert {path.name: path.read_bytes() for path in write_tables(tmp_path)} == first


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no records"):
        write_tables(tmp_path)
    assert not (tmp_path / "tables").exists()
