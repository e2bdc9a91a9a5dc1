import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.analysis import caption, comparison, render, write_figures, write_tables
from harness.analysis.metrics.worst_case_gap import COLUMNS
from harness.core.records import RunRecord, write_record
from tests.harness.analysis.regression_records import make_gap
from tests.harness.analysis.written import number, read_markdown


def test_every_count_of_predictors_shows_its_arms(theory: Sequence[RunRecord]) -> None:
    table = comparison(theory)
    assert list(table) == list(COLUMNS)
    arms = table.groupby(["dataset", "predictors"])["arm"].agg(list)
    assert all(one == ["loss-matching", "adversarial"] for one in arms)
    assert table["dimension"].is_monotonic_increasing
    for _, rows in table.groupby("dataset"):
        assert rows["predictors"].is_monotonic_increasing
    q = table["dimension"] + 1
    assert table["identifiable"].eq(q * (q + 1) // 2).all()
    assert table["seeds"].eq(3).all()


def test_a_gap_is_the_median_over_seeds_beside_its_range() -> None:
    gaps, scales = (0.5, 0.1, 0.96), (1.0, 2.0, 4.0)
    runs = [
        make_gap(gap, 9, seed=seed, training_scale=scale)
        for seed, (gap, scale) in enumerate(zip(gaps, scales, strict=True))
    ]
    (row,) = comparison(runs).to_dict("records")
    assert (row["gap_low"], row["gap"], row["gap_high"]) == (0.1, 0.5, 0.96)
    assert row["relative_gap"] == pytest.approx(0.24)  # the middle of 0.5, 0.05 and 0.24
    assert (row["seeds"], row["seconds_reduction"]) == (3, 0.01)


def test_arms_go_by_the_reducers_name_and_not_by_the_label() -> None:
    runs = [
        make_gap(0.5, 9, seed=0),
        make_gap(0.7, 10, seed=0),
        make_gap(0.1, 9, arm="adversarial"),
    ]
    table = comparison(runs)
    assert table["arm"].tolist() == ["loss-matching", "adversarial", "loss-matching"]
    assert table["predictors"].tolist() == [9, 9, 10]


def test_a_failed_run_is_left_out_and_counted() -> None:
    runs = [make_gap(0.5, 9), make_gap(None, 9, seed=1)]
    assert comparison(runs)["seeds"].tolist() == [1]
    assert "1 failed run left out" in caption(runs)


def test_the_readable_table_holds_gaps_of_any_magnitude() -> None:
    gaps = {3: 1.25, 9: 3.21e-9, 21: 0.0}
    table = comparison(make_gap(gap, predictors) for predictors, gap in gaps.items())
    cells = read_markdown(render(table, "markdown", COLUMNS))
    assert cells["k"].astype(int).tolist() == list(gaps)
    assert cells["worst-case gap"].map(number).tolist() == list(gaps.values())
    assert cells["gap range"].tolist() == ["[1.25, 1.25]", "[3.21e-09, 3.21e-09]", "[0, 0]"]
    assert cells["relative gap"].map(number).tolist() == pytest.approx(
        [gap / 2 for gap in gaps.values()], rel=5e-3
    )
    assert cells["q(q+1)/2"].tolist() == ["21"] * 3
    assert cells["d"].tolist() == ["5"] * 3


def test_the_caption_defines_the_symbols(theory: Sequence[RunRecord]) -> None:
    line = caption(theory)
    for part in ("k: regressors", "q = d + 1", "norm ≤ 1", "median over seeds", "seeds 0–2"):
        assert part in line
    assert "bootstrap" not in line


def test_tables_and_figure_are_the_same_again_in_any_order(
    tmp_path: Path, theory: Sequence[RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [record for record in theory if record.spec.dataset == "theory/gaussian-d5"]
    for record in runs:
        write_record(tmp_path, record)
    paths = [*write_tables(tmp_path), *write_figures(tmp_path)]
    first = {path.name: path.read_bytes() for path in paths}
    assert {"identifiability.png", "identifiability.svg", "comparison.csv"} <= set(first)
    assert len(first) == 5
    shuffled = random.Random(2).sample(runs, len(runs))
    for module in ("tables", "plots"):
        monkeypatch.setattr(f"harness.analysis.{module}.read_records", lambda _: iter(shuffled))
    again = [*write_tables(tmp_path), *write_figures(tmp_path)]
    assert {path.name: path.read_bytes() for path in again} == first


def test_sizes_are_told_apart() -> None:
    table = comparison([make_gap(0.5, 9, size=20), make_gap(0.1, 9, size=50)])
    assert table["size"].tolist() == [20, 50]
    assert table["gap"].tolist() == [0.5, 0.1]


def test_a_reducer_that_matches_no_predictors_keeps_its_row() -> None:
    table = comparison([make_gap(0.5, 9), make_gap(0.3, None, arm="random")])
    assert table["predictors"].isna().tolist() == [False, True]
    assert table["gap"].tolist() == [0.5, 0.3]
    assert read_markdown(render(table, "markdown", COLUMNS))["k"].tolist() == ["9", "–"]
