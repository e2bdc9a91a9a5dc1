from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from harness.analysis import (
    ARM_ORDER,
    comparison,
    plot_arm_returns,
    plot_learning_curves,
    plot_profiles,
    plot_size_curves,
    write_figures,
)
from harness.analysis.figures.styles import ARM_STYLES
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.support.drawn import (
    assert_nothing_overlaps,
    band,
    bars,
    legend_labels,
    lines,
    points,
    texts,
)

MakeRun = Callable[..., RunRecord]
MakeSuite = Callable[..., list[RunRecord]]
ARMS = ["full", "random", "stratified", "leverage", "bellman"]
CARTPOLE = "classic/cartpole/medium-v0"
PLOTS = (plot_learning_curves, plot_size_curves, plot_profiles, plot_arm_returns)
ALL = pytest.mark.parametrize("plot", PLOTS)
BOTH = pytest.mark.parametrize("plot", [plot_learning_curves, plot_size_curves])


@pytest.fixture(scope="module")
def learning(records: Sequence[RunRecord]) -> Figure:
    return plot_learning_curves(records)


@pytest.fixture(scope="module")
def size(records: Sequence[RunRecord]) -> Figure:
    return plot_size_curves(records)


def test_learning_curves_have_a_panel_for_each_dataset_learner_and_size(learning: Figure) -> None:
    assert len(learning.axes) == 2 * 2 * 2
    assert len({axis.get_title(loc="left") for axis in learning.axes}) == 8
    assert all(set(lines(axis)) == set(ARMS) for axis in learning.axes)
    assert legend_labels(learning) == ARMS


def test_learning_curves_lie_within_their_bands(learning: Figure) -> None:
    for axis in learning.axes:
        for arm, line in lines(axis).items():
            vertices = band(axis, arm).get_paths()[0].vertices
            for step, value in zip(*points(line), strict=True):
                edges = np.asarray(vertices)[np.asarray(vertices)[:, 0] == step, 1]
                assert edges.min() - 1e-9 <= value <= edges.max() + 1e-9


def test_learning_curves_end_at_the_interquartile_mean(run: MakeRun) -> None:
    runs = [run([0.0, value], seed=seed) for seed, value in enumerate([1.0, 4.0, 6.0, 99.0])]
    (axis,) = plot_learning_curves(runs).axes
    steps, returns = points(lines(axis)["full"])
    assert steps == [500, 1000]
    assert returns == pytest.approx([0.0, 5.0])


def test_checkpoints_that_a_seed_lacks_are_left_out(run: MakeRun) -> None:
    (axis,) = plot_learning_curves([run([1.0, 2.0, 3.0]), run([1.0, 2.0], seed=1)]).axes
    steps, _ = points(lines(axis)["full"])
    assert steps == [500, 1000]


def test_colours_are_those_of_the_arms_and_full_is_dashed(learning: Figure) -> None:
    for axis in learning.axes:
        drawn = {arm: to_hex(line.get_color()).upper() for arm, line in lines(axis).items()}
        assert drawn == {arm: ARM_STYLES[arm].colour for arm in ARMS}
        assert lines(axis)["full"].is_dashed()
        assert not lines(axis)["bellman"].is_dashed()


def test_panels_of_a_dataset_share_the_range_of_returns(learning: Figure) -> None:
    ranges: dict[str, set[tuple[float, float]]] = {}
    for axis in learning.axes:
        dataset = axis.get_title(loc="left").splitlines()[0]
        ranges.setdefault(dataset, set()).add(axis.get_ylim())
    assert len(ranges) == 2
    assert all(len(limits) == 1 for limits in ranges.values())


def test_size_curves_show_the_values_of_the_table(
    size: Figure, records: Sequence[RunRecord]
) -> None:
    table = comparison(records)
    assert len(size.axes) == 2 * 2
    for axis in size.axes:
        dataset, learner = axis.get_title(loc="left").splitlines()
        for arm in ARMS[1:]:
            chosen = (table[["dataset", "learner", "arm"]] == [dataset, learner, arm]).all(axis=1)
            rows = table[chosen]
            sizes, returns = points(lines(axis)[arm])
            assert sizes == rows["size"].tolist()
            assert returns == rows["return"].tolist()
            edges = np.asarray(band(axis, arm).get_paths()[0].vertices)[:, 1]
            assert {*rows["return_low"], *rows["return_high"]} <= set(edges)


def test_full_and_the_random_policy_are_horizontal_lines(
    size: Figure, records: Sequence[RunRecord]
) -> None:
    table = comparison(records)
    floors = {record.spec.dataset: record.result for record in records}
    for axis in size.axes:
        dataset, learner = axis.get_title(loc="left").splitlines()
        chosen = (table[["dataset", "learner", "arm"]] == [dataset, learner, "full"]).all(axis=1)
        result = floors[dataset]
        assert result is not None
        _, full = points(lines(axis)["full"])
        _, floor = points(lines(axis)["random policy"])
        assert set(full) == set(table.loc[chosen, "return"])
        assert set(floor) == {result.dataset.reference_min}
        assert lines(axis)["random policy"].get_linestyle() == ":"
        assert len(axis.patches) == 1  # the band of full
    assert legend_labels(size) == [*ARMS, "random policy"]


def test_one_size_gives_points_with_error_bars_side_by_side(suite: MakeSuite) -> None:
    runs = suite(datasets=(CARTPOLE,), sizes=(50,), learners=("fqi",))
    (axis,) = plot_size_curves(runs).axes
    assert list(bars(axis)) == ARMS[1:]
    places = [points(bar.lines[0])[0][0] for bar in bars(axis).values()]
    assert places == sorted(set(places))
    low, high = axis.get_xlim()
    assert low < min(places) < 50 < max(places) < high


def test_arms_of_one_size_have_rows_with_the_values_of_the_table(suite: MakeSuite) -> None:
    runs = suite(sizes=(50,))
    table = comparison(runs)
    figure = plot_arm_returns(runs)
    assert len(figure.axes) == 2 * 2
    for axis in figure.axes:
        dataset, kind = axis.get_title(loc="left").splitlines()
        learner, _, size = kind.partition(", ")
        assert size == "50 transitions"
        names = [label.get_text() for label in axis.get_yticklabels()]
        assert names == (ARMS if learner == "dqn" else [])  # named at the left alone
        for place, arm in enumerate(ARMS):
            chosen = (table[["dataset", "learner", "arm"]] == [dataset, learner, arm]).all(axis=1)
            (row,) = table[chosen].to_dict("records")
            bar = bars(axis)[arm]
            assert points(bar.lines[0]) == ([row["return"]], [place])
            (ends,) = bar.lines[2][0].get_segments()
            assert ends[:, 0].tolist() == pytest.approx([row["return_low"], row["return_high"]])
    assert legend_labels(figure) == ["full", "random policy"]


def test_rows_of_one_dataset_share_the_range_of_returns(suite: MakeSuite) -> None:
    ranges: dict[str, set[tuple[float, float]]] = {}
    for axis in plot_arm_returns(suite(sizes=(50,))).axes:
        dataset = axis.get_title(loc="left").splitlines()[0]
        ranges.setdefault(dataset, set()).add(axis.get_xlim())
    assert len(ranges) == 2
    assert all(len(limits) == 1 for limits in ranges.values())


def test_axes_carry_their_units(learning: Figure, size: Figure) -> None:
    assert {axis.get_xlabel() for axis in learning.axes} == {"", "gradient steps"}
    assert {axis.get_xlabel() for axis in size.axes} == {"", "synthetic or kept transitions"}
    for figure in (learning, size):
        assert "return" in {axis.get_ylabel() for axis in figure.axes}


def test_figures_say_data_seeds_and_protocol(learning: Figure, size: Figure) -> None:
    for figure in (learning, size):
        shown = texts(figure).replace("\n", " ")
        for part in (
            CARTPOLE,
            f"{CARTPOLE} 10000" if figure is size else "",
            "seeds 0–4",
            "5000 gradient steps",
            "bootstrap interval",
        ):
            assert part in shown
    assert "mean of the last three checkpoints" in texts(size).replace("\n", " ")


@BOTH
def test_one_seed_gives_lines_without_bands(
    suite: MakeSuite, plot: Callable[[Sequence[RunRecord]], Figure]
) -> None:
    figure = plot(suite(seeds=1, learners=("fqi",)))
    for axis in figure.axes:
        _, returns = points(lines(axis)["bellman"])
        assert np.isfinite(returns).all()
        assert all(len(item.get_paths()) == 0 for item in axis.collections)
        assert not axis.patches


@ALL
def test_failed_runs_are_left_out_and_counted(
    suite: MakeSuite, run: MakeRun, plot: Callable[[Sequence[RunRecord]], Figure]
) -> None:
    runs = suite(seeds=2, learners=("fqi",))
    lost = [run(None, arm="exact", size=50, seed=seed) for seed in range(2)]
    figure = plot([*runs, *lost])
    assert "exact" not in legend_labels(figure)
    assert "2 failed runs" in texts(figure)


@ALL
def test_no_completed_run_is_refused(
    run: MakeRun, plot: Callable[[Sequence[RunRecord]], Figure]
) -> None:
    with pytest.raises(InputError, match="0 of 1 runs completed"):
        plot([run(None)])


@ALL
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"datasets": (CARTPOLE,), "sizes": (50,), "learners": ("fqi",)},
        {"arms": (*ARM_ORDER, "a-very-long-label-of-an-arm-with-its-parameters")},
        {"arms": ("full",)},
    ],
    ids=["suite", "lone panel", "many arms", "full only"],
)
def test_title_legend_panels_and_caption_do_not_overlap(
    suite: MakeSuite,
    plot: Callable[[Sequence[RunRecord]], Figure],
    shape: dict[str, tuple[str, ...]],
) -> None:
    figure = plot(suite(seeds=2, **shape))
    assert_nothing_overlaps(figure)


def test_one_size_is_drawn_as_rows(tmp_path: Path, suite: MakeSuite) -> None:
    for record in suite(datasets=(CARTPOLE,), sizes=(50,), seeds=2, learners=("fqi",)):
        write_record(tmp_path, record)
    drawn = {path.stem for path in write_figures(tmp_path)}
    assert drawn == {"learning-curves", "profiles", "arm-return"}


def test_nothing_is_drawn_against_size_where_no_run_has_one(tmp_path: Path, run: MakeRun) -> None:
    for record in (run([1.0, 2.0], learner=learner) for learner in ("dqn", "fqi")):
        write_record(tmp_path, record)
    assert [path.name for path in write_figures(tmp_path)] == [
        "learning-curves.png",
        "learning-curves.svg",
    ]


@ALL
def test_figures_of_returns_refuse_other_measures(
    trials: Sequence[RunRecord], plot: Callable[[Sequence[RunRecord]], Figure]
) -> None:
    with pytest.raises(InputError, match="records of test MSE: this figure shows return"):
        plot(trials)
