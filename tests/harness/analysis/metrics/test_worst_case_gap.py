from collections.abc import Callable, Sequence

import numpy as np
import pytest
from matplotlib.figure import Figure

from harness.analysis import caption, comparison, gaps_frame, plot_identifiability, render
from harness.analysis.metrics.worst_case_gap import COLUMNS
from harness.core.errors import InputError
from harness.core.records import RunRecord
from tests.support.drawn import (
    assert_nothing_overlaps,
    band,
    legend_labels,
    lines,
    points,
    texts,
)
from tests.support.records.control import make_run
from tests.support.records.regression import (
    make_gap,
    make_theory,
)
from tests.support.written import number, read_markdown

EDGE, RING = "q(q+1)/2 predictors", "100 predictors, as in the paper"
BOSTON, RED = "regression/boston", "regression/wine-red"


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


def test_sizes_are_told_apart() -> None:
    table = comparison([make_gap(0.5, 9, size=20), make_gap(0.1, 9, size=50)])
    assert table["size"].tolist() == [20, 50]
    assert table["gap"].tolist() == [0.5, 0.1]


def test_a_reducer_that_matches_no_predictors_keeps_its_row() -> None:
    table = comparison([make_gap(0.5, 9), make_gap(0.3, None, arm="random")])
    assert table["predictors"].isna().tolist() == [False, True]
    assert table["gap"].tolist() == [0.5, 0.3]
    assert read_markdown(render(table, "markdown", COLUMNS))["k"].tolist() == ["9", "–"]


def test_a_gap_becomes_a_row_under_its_reducers_name() -> None:
    done = make_gap(0.5, 11, dimension=5, arm="adversarial", seed=2, training_scale=4.0)
    frame = gaps_frame([done, make_gap(None, 11)])
    (row,) = frame.to_dict("records")
    assert done.spec.reducer.label == "adversarial-r0.524"
    assert (row["arm"], row["dataset"], row["seed"]) == ("adversarial", "theory/gaussian-d5", 2)
    assert (row["dimension"], row["predictors"], row["identifiable"]) == (5, 11, 21)
    assert (row["gap"], row["relative_gap"]) == (0.5, 0.125)


@pytest.fixture(scope="module")
def figure(theory: Sequence[RunRecord]) -> Figure:
    return plot_identifiability(theory)


def test_gaps_show_the_table_with_zeros_at_a_floor_that_says_so(
    figure: Figure, theory: Sequence[RunRecord]
) -> None:
    table = comparison(theory)
    assert (table["gap"] == 0).any()
    assert len(figure.axes) == 4
    for axis in figure.axes:
        dataset = axis.get_title(loc="left").splitlines()[0]
        for arm in ("loss-matching", "adversarial"):
            rows = table[(table["dataset"] == dataset) & (table["arm"] == arm)]
            predictors, drawn = points(lines(axis)[arm])
            assert predictors == rows["predictors"].tolist()
            assert drawn == rows["gap"].clip(lower=1e-16).tolist()
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert axis.get_yticklabels()[0].get_text() == "≤ 10⁻¹⁶"
        assert float(axis.get_yticks()[0]) == 1e-16
    assert "below 10⁻¹⁶, zero included, are drawn there" in texts(figure).replace("\n", " ")


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


def test_panels_go_by_dimension_and_mark_the_edge(figure: Figure) -> None:
    titles = [axis.get_title(loc="left").splitlines()[1] for axis in figure.axes]
    edges = {5: 21, 10: 66, 13: 105, 20: 231}
    assert titles == [f"d = {d}, q(q+1)/2 = {edge}" for d, edge in edges.items()]
    for axis, edge in zip(figure.axes, edges.values(), strict=True):
        across, _ = points(lines(axis)[EDGE])
        assert set(across) == {edge}
    assert len({axis.get_ylim() for axis in figure.axes}) == 1


def test_the_papers_number_of_predictors_is_ringed(
    figure: Figure, theory: Sequence[RunRecord]
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
        for axis in figure.axes
    }
    assert len(chosen) == 2
    assert rings.pop(BOSTON) == [(100.0, gap) for gap in chosen["gap"]]
    assert not any(rings.values())
    assert RING in legend_labels(figure)
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


def test_the_figure_says_data_seeds_and_statistic(figure: Figure) -> None:
    shown = texts(figure).replace("\n", " ")
    for part in (BOSTON, "seeds 0–2", "median over seeds", "norm ≤ 1", "q = d + 1"):
        assert part in shown


@pytest.mark.parametrize(
    "make",
    [
        lambda: plot_identifiability(make_theory(1)),
        lambda: plot_identifiability([make_gap(0.0, 9)]),
    ],
    ids=["theory", "lone gap"],
)
def test_title_legend_panels_and_caption_do_not_overlap(make: Callable[[], Figure]) -> None:
    assert_nothing_overlaps(make())


def test_the_figure_refuses_returns() -> None:
    with pytest.raises(InputError, match="records of return: this figure shows worst-case gap"):
        plot_identifiability([make_run([1.0])])
