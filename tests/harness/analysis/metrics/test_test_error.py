import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from harness.analysis import (
    caption,
    comparison,
    plot_size_errors,
    render,
    write_figures,
    write_tables,
)
from harness.analysis.metrics.test_error import COLUMNS
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.support.drawn import (
    assert_nothing_overlaps,
    bar_ends,
    bars,
    legend_labels,
    lines,
    points,
    texts,
)
from tests.support.records.control import make_run
from tests.support.records.regression import (
    EXCESS,
    make_gap,
    make_regression,
    make_study,
)
from tests.support.written import number, read_latex, read_markdown

BOSTON, RED = "regression/boston", "regression/wine-red"

errors = st.integers(1, 500).map(lambda n: n / 7)
ARMS = [
    *("full", "random", "leverage", "tree-recombination", "kernel-herding"),
    *("loss-matching", "exact"),
]


def arm_row(table: pd.DataFrame, arm: str) -> pd.Series:
    rows = table[table["arm"] == arm]
    assert len(rows) == 1
    return rows.iloc[0]


def paired(full: list[float | None], arm: list[float | None]) -> list[RunRecord]:
    """A trial for each place: its run on full data and on a subsample, None for a failed one."""
    return [
        *(make_regression(value, seed=seed) for seed, value in enumerate(full)),
        *(make_regression(value, arm="random", size=20, seed=i) for i, value in enumerate(arm)),
    ]


def test_every_block_lists_its_arms_with_full_beside_every_size(
    trials: Sequence[RunRecord],
) -> None:
    table = comparison(trials)
    assert list(table) == list(COLUMNS)
    blocks = table.groupby(["dataset", "size", "learner"])["arm"].agg(list)
    assert len(blocks) == 3 * 3 * 2  # datasets, sizes, learners
    assert all(arms == ARMS for arms in blocks)
    full = table[table["arm"] == "full"]
    assert full.groupby(["dataset", "learner"])["error"].nunique().eq(1).all()
    assert full[["ratio", "ratio_low", "ratio_high"]].eq(1.0).all(axis=None)
    assert (full["rows"].eq(1279) & full["trials"].eq(10) & full["failed"].eq(0)).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(errors, errors), min_size=2, max_size=6))
def test_error_and_ratio_are_means_over_trials(pairs: list[tuple[float, float]]) -> None:
    full, arm = ([pair[i] for pair in pairs] for i in (0, 1))
    row = arm_row(comparison(paired([*full], [*arm])), "random")
    assert row["trials"] == len(pairs)
    assert row["error"] == pytest.approx(sum(arm) / len(arm))
    assert row["ratio"] == pytest.approx(sum(b / a for a, b in pairs) / len(pairs))
    for name in ("error", "ratio"):
        assert row[f"{name}_low"] - 1e-9 <= row[name] <= row[f"{name}_high"] + 1e-9


def test_intervals_are_those_of_means() -> None:
    rng = np.random.default_rng(4)
    values, splits = rng.exponential(1, 200), rng.uniform(1, 3, 200)
    row = arm_row(comparison(paired([*splits], [*values * splits])), "random")
    half_width = 1.96 * values.std(ddof=1) / np.sqrt(200)
    assert row["ratio"] - row["ratio_low"] == pytest.approx(half_width, rel=0.2)
    assert row["ratio_high"] - row["ratio"] == pytest.approx(half_width, rel=0.2)


def test_a_split_that_is_hard_for_both_widens_the_error_and_not_the_ratio() -> None:
    row = arm_row(comparison(paired([1.0, 5.0, 9.0], [2.0, 10.0, 18.0])), "random")
    assert row["error_low"] < row["error"] < row["error_high"]
    assert row["ratio_low"] == row["ratio"] == row["ratio_high"] == 2.0


def test_a_trial_that_lacks_either_run_has_no_ratio() -> None:
    table = comparison(paired([1.0, None, 4.0, 2.0], [3.0, 50.0, None, 4.0]))
    row = arm_row(table, "random")
    assert (row["trials"], row["failed"]) == (3, 1)
    assert row["error"] == pytest.approx((3 + 50 + 4) / 3)
    assert row["ratio"] == pytest.approx((3 / 1 + 4 / 2) / 2)
    assert (arm_row(table, "full")["trials"], arm_row(table, "full")["failed"]) == (3, 1)


def test_ratios_are_taken_to_the_same_learner_and_dataset() -> None:
    runs = [
        make_regression(value, dataset=dataset, learner=learner)
        for dataset, learner, value in (("a", "x", 1.0), ("a", "y", 2.0), ("b", "x", 4.0))
    ]
    runs += [
        make_regression(8.0, dataset=dataset, learner=learner, arm="exact", size=9)
        for dataset, learner in (("a", "x"), ("a", "y"), ("b", "x"))
    ]
    table = comparison(runs)
    exact = table[table["arm"] == "exact"].set_index(["dataset", "learner"])["ratio"]
    assert exact.to_dict() == {("a", "x"): 8.0, ("a", "y"): 4.0, ("b", "x"): 2.0}


@pytest.mark.parametrize("full", [[], [None, None], [0.0, 0.0]])
def test_without_an_error_of_full_there_is_no_ratio(full: list[float | None]) -> None:
    row = arm_row(comparison(paired(full, [1.0, 2.0])), "random")
    assert row["error"] == 1.5
    assert row[["ratio", "ratio_low", "ratio_high"]].isna().all()


def test_a_trial_in_which_full_has_no_error_has_no_ratio() -> None:
    row = arm_row(comparison(paired([0.0, 1.0, 2.0], [1.0, 3.0, 10.0])), "random")
    assert row["ratio"] == pytest.approx((3 + 5) / 2)


def test_one_trial_has_no_interval() -> None:
    row = arm_row(comparison(paired([2.0], [3.0])), "random")
    assert (row["error"], row["ratio"]) == (3.0, 1.5)
    assert row[["error_low", "error_high", "ratio_low", "ratio_high"]].isna().all()


def test_an_arm_of_failed_runs_only_keeps_its_row() -> None:
    runs = paired([1.0, 1.0], [None, None])
    row = arm_row(comparison(runs), "random")
    assert (row["trials"], row["failed"]) == (0, 2)
    assert math.isnan(row["error"])
    assert "2 failed runs left out" in caption(runs)


def test_seconds_are_medians_in_the_last_columns() -> None:
    seconds = (2.0, 4.0, 90.0)
    table = comparison(make_regression(1.0, seed=i, seconds=one) for i, one in enumerate(seconds))
    assert list(table)[-2:] == ["seconds_reduction", "seconds_training"]
    row = table.iloc[0]
    assert (row["seconds_training"], row["seconds_reduction"]) == pytest.approx((4.0, 0.04))


@pytest.mark.parametrize(
    ("other", "measures"),
    [
        (make_run([1.0]), "return and test MSE"),
        (make_run(None), "return and test MSE"),
        (make_gap(0.1, 9), "test MSE and worst-case gap"),
    ],
)
def test_runs_of_two_measures_are_refused(tmp_path: Path, other: RunRecord, measures: str) -> None:
    mixed = [make_regression(1.0), other]
    for record in mixed:
        write_record(tmp_path, record)
    for attempt in (comparison, caption, lambda _: write_tables(tmp_path)):
        with pytest.raises(InputError, match=f"records that measure {measures}: .* a folder"):
            attempt(mixed)
    assert not (tmp_path / "tables").exists()


def test_failed_runs_of_regression_do_not_mix_with_control() -> None:
    with pytest.raises(InputError, match="return and test MSE"):
        comparison([make_run([1.0]), make_regression(None)])


def test_failed_runs_of_regression_go_with_either_of_its_measures() -> None:
    assert list(comparison([make_regression(None)])) == list(COLUMNS)
    assert comparison([make_gap(0.5, 9), make_gap(None, 9, seed=1)])["gap"].tolist() == [0.5]


def test_the_caption_says_what_the_numbers_are(trials: Sequence[RunRecord]) -> None:
    line = caption(trials)
    assert "\n" not in line
    for part in (
        "regression/boston, regression/wine-red, regression/wine-white",
        "sizes 20, 50, 100",
        "seeds 0–9",
        "mean over trials, as the paper reports",
        "same split and learner",
        "95 % percentile bootstrap of the mean",
    ):
        assert part in line
    for absent in ("gradient steps", "episodes", "failed"):
        assert absent not in line


@pytest.mark.parametrize(
    ("format", "read"),
    [("markdown", read_markdown), ("latex", read_latex)],
    ids=["markdown", "latex"],
)
def test_readable_formats_hold_the_table(
    trials: Sequence[RunRecord], format: str, read: type[pd.DataFrame]
) -> None:
    lone = make_regression(1234.5, dataset="d_x", arm="full", size=None)
    table = comparison([*trials, lone])
    cells = read(render(table, format, COLUMNS))
    for key in ("dataset", "learner", "arm"):
        assert cells[key].tolist() == table[key].tolist()
    for key, heading in (("error", "test MSE"), ("ratio", "ratio to full")):
        expected = pytest.approx(table[key].tolist(), rel=5e-4, nan_ok=True)
        assert cells[heading].map(number).tolist() == expected
        assert not cells[heading].str.endswith(".").any()
    for key, heading in (("error", "MSE interval"), ("ratio", "ratio interval")):
        ends = cells[heading].str.extract(r"^\[(\S+), (\S+)\]$").astype(float)
        expected_ends = table[[f"{key}_low", f"{key}_high"]].to_numpy()
        np.testing.assert_allclose(ends.to_numpy(), expected_ends, rtol=5e-4)
        assert (cells.loc[table[f"{key}_low"].isna(), heading] == "–").all()


def test_csv_keeps_full_precision(trials: Sequence[RunRecord]) -> None:
    table = comparison(trials)
    types = {name: column.dtype for name, column in COLUMNS.items()}
    exact = {name: number for name, kind in types.items() if kind == "float64"}
    parsed = pd.read_csv(io.StringIO(render(table, "csv", COLUMNS)), converters=exact)
    pd.testing.assert_frame_equal(parsed.astype(types), table, check_exact=True)


def test_tables_are_written_under_the_same_names(
    tmp_path: Path, trials: Sequence[RunRecord]
) -> None:
    for record in trials:
        write_record(tmp_path, record)
    paths = {path.name: path for path in write_tables(tmp_path)}
    assert set(paths) == {"comparison.md", "comparison.csv", "comparison.tex"}
    table = render(comparison(trials), "markdown", COLUMNS)
    assert paths["comparison.md"].read_text() == f"{caption(trials)}\n\n{table}"


@pytest.fixture(scope="module")
def figure(trials: Sequence[RunRecord]) -> Figure:
    return plot_size_errors(trials)


def test_size_errors_show_the_ratios_of_the_table(
    figure: Figure, trials: Sequence[RunRecord]
) -> None:
    table = comparison(trials)
    assert len(figure.axes) == 3 * 2
    assert set(legend_labels(figure)) == set(EXCESS)
    for axis in figure.axes:
        dataset, learner = axis.get_title(loc="left").splitlines()
        for arm in set(EXCESS) - {"full"}:
            chosen = (table[["dataset", "learner", "arm"]] == [dataset, learner, arm]).all(axis=1)
            rows = table[chosen]
            assert points(bars(axis)[arm].lines[0])[1] == rows["ratio"].tolist()
            ends = rows[["ratio_low", "ratio_high"]].to_numpy()
            np.testing.assert_allclose(bar_ends(bars(axis)[arm]), ends)


def test_full_is_the_line_at_one(figure: Figure) -> None:
    for axis in figure.axes:
        _, heights = points(lines(axis)["full"])
        assert set(heights) == {1.0}
        assert lines(axis)["full"].is_dashed()


def test_the_axis_is_logarithmic_where_a_dataset_spreads_over_ten() -> None:
    runs = [
        make_regression(value, dataset=dataset, arm=arm, size=size, learner=learner)
        for dataset, worst in (("narrow", 9.9), ("wide", 10.1))
        for learner, scale in (("a", 1.0), ("b", 0.5))
        for arm, size, value in (
            ("full", None, 1.0),
            ("random", 20, 1 + (worst - 1) * scale),
            ("random", 50, 1.5),
        )
    ]
    scales = [axis.get_yscale() for axis in plot_size_errors(runs).axes]
    assert scales == ["linear", "linear", "log", "log"]


def test_one_size_gives_points_side_by_side() -> None:
    (axis,) = plot_size_errors(
        make_study(datasets=(RED,), sizes=(50,), learners=("ridge",), seeds=3)
    ).axes
    bars = [item for item in axis.containers if isinstance(item, ErrorbarContainer)]
    assert {bar.get_label() for bar in bars} == set(EXCESS) - {"full"}


def test_errors_without_full_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="no run shares its trial with a completed run of 'full'"):
        plot_size_errors([make_regression(1.0, arm="random", size=9), make_regression(1.0, seed=1)])


def test_the_figure_says_data_seeds_and_statistic(figure: Figure) -> None:
    shown = texts(figure).replace("\n", " ")
    for part in (RED, "seeds 0–9", "Mean over trials", "same split and learner", "bootstrap"):
        assert part in shown


@pytest.mark.parametrize(
    "make",
    [
        lambda: plot_size_errors(make_study((BOSTON, RED), seeds=2)),
        lambda: plot_size_errors(make_study((RED,), seeds=2, learners=("a", "b", "c", "d", "e"))),
        lambda: plot_size_errors(make_study((RED,), ("full", "exact"), (20,), ("ridge",), 1)),
    ],
    ids=["study", "five learners", "lone panel"],
)
def test_title_legend_panels_and_caption_do_not_overlap(make: Callable[[], Figure]) -> None:
    assert_nothing_overlaps(make())


def test_full_data_alone_leave_no_figure(tmp_path: Path) -> None:
    write_record(tmp_path, make_regression(1.0))
    assert write_figures(tmp_path) == []
    write_record(tmp_path, make_run([1.0]))
    with pytest.raises(InputError, match="return and test MSE"):
        write_figures(tmp_path)
