from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from harness.analysis import comparison, plot_identifiability, plot_size_errors, write_figures
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.harness.analysis.control_records import make_run
from tests.harness.analysis.drawn import (
    assert_nothing_overlaps,
    band,
    bar_ends,
    bars,
    legend_labels,
    lines,
    points,
    texts,
)
from tests.harness.analysis.regression_records import (
    EXCESS,
    make_gap,
    make_regression,
    make_study,
    make_theory,
)

EDGE, RING = "q(q+1)/2 predictors", "100 predictors, as in the paper"
BOSTON, RED = "regression/boston", "regression/wine-red"


@pytest.fixture(scope="module")
def errors(trials: Sequence[RunRecord]) -> Figure:
    return plot_size_errors(trials)


@pytest.fixture(scope="module")
def gaps(theory: Sequence[RunRecord]) -> Figure:
    return plot_identifiability(theory)


def test_size_errors_show_the_ratios_of_the_table(
    errors: Figure, trials: Sequence[RunRecord]
) -> None:
    table = comparison(trials)
    assert len(errors.axes) == 3 * 2
    assert set(legend_labels(errors)) == set(EXCESS)
    for axis in errors.axes:
        dataset, learner = axis.get_title(loc="left").splitlines()
        for arm in set(EXCESS) - {"full"}:
            chosen = (table[["dataset", "learner", "arm"]] == [dataset, learner, arm]).all(axis=1)
            rows = table[chosen]
            assert points(bars(axis)[arm].lines[0])[1] == rows["ratio"].tolist()
            ends = rows[["ratio_low", "ratio_high"]].to_numpy()
            np.testing.assert_allclose(bar_ends(bars(axis)[arm]), ends)


def test_full_is_the_line_at_one(errors: Figure) -> None:
    for axis in errors.axes:
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


def test_figures_say_data_seeds_and_statistic(errors: Figure, gaps: Figure) -> None:
    for figure, parts in (
        (errors, (RED, "seeds 0–9", "Mean over trials", "same split and learner", "bootstrap")),
        (gaps, (BOSTON, "seeds 0–2", "median over seeds", "norm ≤ 1", "q = d + 1")),
    ):
        shown = texts(figure).replace("\n", " ")
        for part in parts:
            assert part in shown


def test_gaps_show_the_table_with_zeros_at_a_floor_that_says_so(
    gaps: Figure, theory: Sequence[RunRecord]
) -> None:
    table = comparison(theory)
    assert (table["gap"] == 0).any()
    assert len(gaps.axes) == 4
    for axis in gaps.axes:
        dataset = axis.get_title(loc="left").splitlines()[0]
        for arm in ("loss-matching", "adversarial"):
            rows = table[(table["dataset"] == dataset) & (table["arm"] == arm)]
            predictors, drawn = points(lines(axis)[arm])
            assert predictors == rows["predictors"].tolist()
            assert drawn == rows["gap"].clip(lower=1e-16).tolist()
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert axis.get_yticklabels()[0].get_text() == "≤ 10⁻¹⁶"
        assert float(axis.get_yticks()[0]) == 1e-16
    assert "below 10⁻¹⁶, zero included, are drawn there" in texts(gaps).replace("\n", " ")


def test_bands_reach_from_the_least_gap_to_the_largest() -> None:
    runs = [
        make_gap(gap, k, seed=seed) for k in (9, 12) for seed, gap in enumerate((0.1, 0.2, 0.9))
    ]
    (axis,) = plot_identifiability(runs).axes
    edges = np.asarray(band(axis, "loss-matching").get_paths()[0].vertices)[:, 1]
    assert (edges.min(), edges.max()) == (0.1, 0.9)


def test_positive_gaps_need_no_floor(theory: Sequence[RunRecord]) -> None:
    positive = [record for record in theory if record.spec.reducer.name == "loss-matching"]
    figure = plot_identifiability(positive)
    labels = [label.get_text() for axis in figure.axes for label in axis.get_yticklabels()]
    assert not any("≤" in label for label in labels)
    assert "zero" not in texts(figure)
    for axis in figure.axes:
        shown = {label.get_text() for label in axis.get_yticklabels()}
        assert {f"10{power}" for power in ("⁻⁹", "⁻⁷", "⁻⁵", "⁻³", "⁻¹")} <= shown


def test_panels_go_by_dimension_and_mark_the_edge(gaps: Figure) -> None:
    titles = [axis.get_title(loc="left").splitlines()[1] for axis in gaps.axes]
    edges = {5: 21, 10: 66, 13: 105, 20: 231}
    assert titles == [f"d = {d}, q(q+1)/2 = {edge}" for d, edge in edges.items()]
    for axis, edge in zip(gaps.axes, edges.values(), strict=True):
        across, _ = points(lines(axis)[EDGE])
        assert set(across) == {edge}
    assert len({axis.get_ylim() for axis in gaps.axes}) == 1


def test_the_papers_number_of_predictors_is_ringed(
    gaps: Figure, theory: Sequence[RunRecord]
) -> None:
    table = comparison(theory)
    chosen = table[(table["predictors"] == 100) & (table["dataset"] == BOSTON)]
    rings = {
        axis.get_title(loc="left").splitlines()[0]: [
            point
            for line in axis.lines
            if line.get_label() == RING
            for point in zip(*points(line), strict=True)
        ]
        for axis in gaps.axes
    }
    assert len(chosen) == 2
    assert rings.pop(BOSTON) == [(100.0, gap) for gap in chosen["gap"]]
    assert not any(rings.values())
    assert RING in legend_labels(gaps)
    assert RING not in legend_labels(plot_identifiability([make_gap(0.1, 99)]))


def test_gaps_are_drawn_for_reducers_that_match_predictors() -> None:
    matched, other = make_gap(0.5, 9), make_gap(0.3, None, arm="random")
    (axis,) = plot_identifiability([matched, other]).axes
    assert points(lines(axis)["loss-matching"]) == ([9.0], [0.5])
    assert "random" not in lines(axis)
    with pytest.raises(InputError, match="no reducer matched predictors"):
        plot_identifiability([other])


def test_several_sizes_have_panels_of_their_own() -> None:
    figure = plot_identifiability([make_gap(0.1, 9, size=size) for size in (20, 50)])
    titles = [axis.get_title(loc="left").splitlines()[1] for axis in figure.axes]
    assert titles == [f"d = 5, {size} points, q(q+1)/2 = 21" for size in (20, 50)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: plot_size_errors(make_study((BOSTON, RED), seeds=2)),
        lambda: plot_size_errors(make_study((RED,), seeds=2, learners=("a", "b", "c", "d", "e"))),
        lambda: plot_size_errors(make_study((RED,), ("full", "exact"), (20,), ("ridge",), 1)),
        lambda: plot_identifiability(make_theory(1)),
        lambda: plot_identifiability([make_gap(0.0, 9)]),
    ],
    ids=["study", "five learners", "lone panel", "theory", "lone gap"],
)
def test_title_legend_panels_and_caption_do_not_overlap(make: Callable[[], Figure]) -> None:
    assert_nothing_overlaps(make())


def test_figures_refuse_other_measures(
    trials: Sequence[RunRecord], theory: Sequence[RunRecord]
) -> None:
    for plot, runs, found in (
        (plot_size_errors, theory, "worst-case gap"),
        (plot_identifiability, trials, "test MSE"),
        (plot_identifiability, [make_run([1.0])], "return"),
    ):
        with pytest.raises(InputError, match=f"records of {found}: this figure shows"):
            plot(runs)


def test_write_figures_draws_what_was_measured(tmp_path: Path) -> None:
    for name, runs in (
        ("size-error", make_study((RED,), ("full", "exact"), (20, 50), ("ridge",), 2)),
        ("identifiability", [make_gap(0.1, 9)]),
    ):
        for record in runs:
            write_record(tmp_path / name, record)
        written = [path.name for path in write_figures(tmp_path / name)]
        assert written == [f"{name}.png", f"{name}.svg"]


def test_full_data_alone_leave_no_figure(tmp_path: Path) -> None:
    write_record(tmp_path, make_regression(1.0))
    assert write_figures(tmp_path) == []
    write_record(tmp_path, make_run([1.0]))
    with pytest.raises(InputError, match="return and test MSE"):
        write_figures(tmp_path)
