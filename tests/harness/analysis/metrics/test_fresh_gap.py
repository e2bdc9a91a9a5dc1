from collections.abc import Callable, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from harness.analysis import (
    caption,
    comparison,
    fresh_frame,
    plot_fresh_gaps,
    render,
)
from harness.analysis.figures.styles import ARM_STYLES
from harness.analysis.metrics import metric_of
from harness.analysis.metrics.fresh_gap import COLUMNS, FRESH_FLOOR
from harness.core.classes.specs import ReducerSpec
from harness.core.errors import InputError
from harness.core.records import MeasuredResult, RunRecord
from tests.support.drawn import (
    assert_nothing_overlaps,
    band,
    legend_labels,
    lines,
    points,
    texts,
)
from tests.support.records.control import make_run
from tests.support.records.fresh import (
    CARTPOLE,
    CURVES,
    LEVELS,
    Q,
    make_fresh,
    make_sampling,
)
from tests.support.records.regression import make_gap, make_regression
from tests.support.written import read_latex, read_markdown

EDGE = "q(q+1)/2 predictors"


@pytest.fixture(scope="module")
def sampling() -> tuple[RunRecord, ...]:
    return tuple(make_sampling())


@pytest.fixture(scope="module")
def figure(sampling: Sequence[RunRecord]) -> Figure:
    return plot_fresh_gaps(sampling)


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        ([make_fresh(0.1)], "fresh gap"),
        ([make_fresh(0.1), make_fresh(None, seed=1)], "fresh gap"),
        ([make_run([1.0]), make_run(None, seed=1)], "return"),
        ([make_fresh(None)], "return"),
        ([make_gap(0.1, 9), make_gap(None, 9, seed=1)], "worst-case gap"),
        ([make_regression(None)], "test MSE"),
    ],
    ids=["fresh", "one failed", "returns", "all failed", "worst case", "regression failed"],
)
def test_a_failed_run_counts_as_what_the_others_measured(runs: list[RunRecord], found: str) -> None:
    assert metric_of(runs).name == metric_of(runs[::-1]).name == found


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (make_run([1.0]), "fresh gap and return"),
        (make_gap(0.1, 9), "fresh gap and worst-case gap"),
        (make_regression(None), "fresh gap and test MSE"),
    ],
    ids=["return", "worst-case gap", "failed regression"],
)
def test_fresh_gaps_mix_with_nothing_else(other: RunRecord, named: str) -> None:
    with pytest.raises(InputError, match=f"records that measure {named}"):
        comparison([make_fresh(0.1), other])


def test_a_run_becomes_a_row_under_its_reducer_and_its_actions() -> None:
    runs = [make_fresh(0.25, "bellman-additive", 30, seed=4), make_fresh(0.5), make_fresh(None)]
    level, matched = fresh_frame(runs).to_dict("records")
    assert runs[0].spec.reducer.label == "additive-k30"
    assert (matched["arm"], matched["predictors"], matched["seed"]) == ("bellman-additive", 30, 4)
    assert (matched["judge"], matched["dimension"], matched["identifiable"]) == ("product", 4, 66)
    gaps = [matched[name] for name in ("gap", "percentile_95", "largest")]
    assert gaps == pytest.approx([0.25, 0.75, 2.5])
    assert level["arm"] == "random"
    assert fresh_frame(runs)["predictors"].isna().tolist() == [True, False]


def test_every_dataset_size_and_judge_lists_its_arms_by_predictors(
    sampling: Sequence[RunRecord],
) -> None:
    table = comparison(sampling)
    assert list(table) == list(COLUMNS)
    assert list(table)[-1] == "seconds_reduction"
    counts = (10, 30, 100, 300, 1000)
    expected = [*((arm, 0) for arm in LEVELS), *product(CURVES, counts)]
    blocks = table.groupby(["dataset", "size", "judge"])
    assert len(blocks) == 3 * 2 * 2
    for _, block in blocks:
        assert list(zip(block["arm"], block["predictors"].fillna(0), strict=True)) == expected
    assert table["seeds"].eq(3).all()
    assert table["dimension"].is_monotonic_increasing
    edges = {dataset: q * (q + 1) // 2 for dataset, (_, q) in Q.items()}
    assert table["identifiable"].tolist() == table["dataset"].map(edges).tolist()


def test_a_gap_is_the_median_over_seeds_beside_its_range() -> None:
    runs = [
        make_fresh(gap, "bellman-product", 30, seed=seed, seconds=seconds)
        for seed, (gap, seconds) in enumerate([(0.5, 1.0), (0.125, 8.0), (1.0, 2.0)])
    ]
    (row,) = comparison([*runs, make_fresh(None, "bellman-product", 30, seed=3)]).to_dict("records")
    assert (row["fresh_gap_low"], row["fresh_gap"], row["fresh_gap_high"]) == (0.125, 0.5, 1.0)
    assert (row["percentile_95"], row["largest"]) == (1.5, 5.0)
    assert (row["seeds"], row["seconds_reduction"]) == (3, 2.0)


def test_full_stands_beside_every_size() -> None:
    runs = [make_fresh(0.0, "full", size=None), *(make_fresh(0.1, size=size) for size in (20, 50))]
    table = comparison(runs)
    assert table["arm"].tolist() == ["full", "random"] * 2
    assert table["size"].tolist() == [20, 20, 50, 50]


@pytest.mark.parametrize(
    ("format", "read"),
    [("markdown", read_markdown), ("latex", read_latex)],
    ids=["markdown", "latex"],
)
@pytest.mark.parametrize(
    ("gap", "shown"),
    [
        (0.0032, "0.320 %"),
        (0.02041, "2.04 %"),
        (0.99949, "99.9 %"),
        (0.9996, "100 %"),
        (3.294, "329 %"),
        (5.55e-16, "5.55e-14 %"),
        (0.0, "0 %"),
    ],
)
def test_readable_gaps_are_percentages_of_any_magnitude(
    gap: float, shown: str, format: str, read: Callable[[str], pd.DataFrame]
) -> None:
    runs = [make_fresh(gap), make_fresh(gap, "bellman-product", 30)]
    cells = read(render(comparison(runs), format, COLUMNS))
    assert cells["fresh gap"].tolist() == [shown] * 2
    assert cells["fresh gap range"].tolist() == [f"[{shown}, {shown}]"] * 2
    assert cells["k"].tolist() == ["–", "30"]
    assert cells["judge"].tolist() == ["product"] * 2
    assert cells["q(q+1)/2"].tolist() == ["66"] * 2


def test_markdown_columns_of_one_digit_keep_a_rule_of_their_own() -> None:
    rule = render(comparison([make_fresh(0.1)]), "markdown", COLUMNS).splitlines()[1]
    assert all("-" in cell for cell in rule.strip("|").split("|"))


def test_the_caption_defines_the_columns(sampling: Sequence[RunRecord]) -> None:
    line = caption([*sampling, make_fresh(None, seed=9)])
    for part in (
        "|loss / loss on the full data − 1|",
        "judge: how actions enter",
        "k: predictors",
        "q = A(d + 1) + 1",
        "seconds: medians",
        "sizes 50, 200",
        "1 failed run left out",
    ):
        assert part in line
    assert "episodes" not in line


def test_panels_go_by_dataset_judge_and_size(figure: Figure) -> None:
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        f"{dataset}\n{judge} judge, {size} transitions, d = {d}"
        for dataset, (d, _) in Q.items()
        for judge in ("additive", "product")
        for size in (50, 200)
    ]
    places = [axis.get_subplotspec() for axis in figure.axes]
    rows = [place.rowspan.start for place in places if place is not None]
    assert rows == [0] * 4 + [1] * 4 + [2] * 4
    assert len({axis.get_ylim() for axis in figure.axes}) == 1
    assert {(axis.get_xscale(), axis.get_yscale()) for axis in figure.axes} == {("log", "log")}


def test_the_figure_shows_the_table_with_tiny_gaps_at_a_floor_that_says_so(
    figure: Figure, sampling: Sequence[RunRecord]
) -> None:
    blocks = comparison(sampling).groupby(["dimension", "judge", "size"])
    assert len(blocks) == len(figure.axes)
    for axis, (_, block) in zip(figure.axes, blocks, strict=True):
        block = block.assign(drawn=block["fresh_gap"].clip(lower=FRESH_FLOOR))
        for arm, rows in block.groupby("arm"):
            across, up = points(lines(axis)[str(arm)])
            if arm in CURVES:
                assert (across, up) == (rows["predictors"].tolist(), rows["drawn"].tolist())
            else:
                assert (across, set(up)) == ([0.0, 1.0], set(rows["drawn"]))
    assert (comparison(sampling)["fresh_gap"] < FRESH_FLOOR).any()
    assert figure.axes[0].get_yticklabels()[0].get_text() == "≤ 10⁻⁵"
    assert float(figure.axes[0].get_yticks()[0]) == pytest.approx(FRESH_FLOOR)
    assert "below 10⁻⁵, zero included, are drawn there" in texts(figure).replace("\n", " ")


def test_bands_reach_from_the_least_gap_to_the_largest() -> None:
    runs = [
        make_fresh(gap, "bellman-product", k, seed=seed)
        for k in (10, 30)
        for seed, gap in enumerate((0.1, 0.2, 0.9))
    ]
    (axis,) = plot_fresh_gaps(runs).axes
    edges = np.asarray(band(axis, "bellman-product").get_paths()[0].vertices)[:, 1]
    assert (edges.min(), edges.max()) == (0.1, 0.9)


def test_a_vertical_line_marks_as_many_predictors_as_a_product_predictor_has_coefficients(
    figure: Figure,
) -> None:
    edges = [set(points(lines(axis)[EDGE])[0]) for axis in figure.axes]
    assert edges == [{q * (q + 1) / 2} for _, q in Q.values() for _ in range(4)]


def test_arms_look_different_and_levels_are_thinner_than_curves(figure: Figure) -> None:
    assert legend_labels(figure) == [*LEVELS, *CURVES, EDGE]
    for one, other in combinations([ARM_STYLES[arm] for arm in ("full", *LEVELS, *CURVES)], 2):
        assert one.colour != other.colour
        assert (one.marker, one.line) != (other.marker, other.line)
    for axis in figure.axes:
        drawn = lines(axis)
        thinnest = min(drawn[arm].get_linewidth() for arm in CURVES)
        for arm in LEVELS:
            assert drawn[arm].get_linewidth() < thinnest
            assert drawn[arm].get_marker() in ("", "None")
            assert drawn[arm].get_color() == ARM_STYLES[arm].colour


@pytest.mark.parametrize(
    "make",
    [
        make_sampling,
        lambda: make_sampling((CARTPOLE,), (50,), ("product",), seeds=1),
        lambda: make_sampling((CARTPOLE,), (20, 50, 100), counts=(100,), seeds=1),
        lambda: [make_fresh(0.1)],
        lambda: [make_fresh(0.0, "full", size=None)],
    ],
    ids=["suite", "lone panel", "lone count", "lone level", "full only"],
)
def test_title_legend_panels_and_caption_do_not_overlap(
    make: Callable[[], list[RunRecord]],
) -> None:
    assert_nothing_overlaps(plot_fresh_gaps(make()))


def test_the_figure_refuses_other_measures() -> None:
    with pytest.raises(InputError, match="records of return: this figure shows fresh gap"):
        plot_fresh_gaps([make_run([1.0])])
    with pytest.raises(InputError, match="0 of 1 runs completed"):
        plot_fresh_gaps([make_fresh(None)])


@pytest.mark.parametrize("arm", ["random", "bellman-product"])
def test_labels_and_controls_are_arms_of_their_own(arm: str) -> None:
    predictors = None if arm == "random" else 30
    plain = make_fresh(0.1, arm, predictors)
    labelled = with_reducer(make_fresh(0.2, arm, predictors), labels="advantage")
    control = with_reducer(make_fresh(0.3, arm, predictors), control="constant")
    table = metric_of([plain]).compare([plain, labelled, control])
    found = dict(zip(table["arm"], table["fresh_gap"], strict=True))
    assert found == {arm: 0.1, f"{arm}-advantage": 0.2, f"{arm}-constant": 0.3}
    assert table["predictors"].isna().all() == (predictors is None)


def with_reducer(record: RunRecord, **changes: str) -> RunRecord:
    """The record of the same run with labels or as a control, whose parameters are nested."""
    assert isinstance(record.result, MeasuredResult)
    spec = ReducerSpec.model_validate({"name": record.spec.reducer.name, **changes})
    parameters = record.result.reduction.parameters
    if spec.labels is not None:
        parameters = {"reducer": {"name": spec.name, "parameters": parameters}}
    reduction = record.result.reduction.model_copy(update={"parameters": parameters})
    return record.model_copy(
        update={
            "spec": record.spec.model_copy(update={"reducer": spec}),
            "result": record.result.model_copy(update={"reduction": reduction}),
        }
    )
