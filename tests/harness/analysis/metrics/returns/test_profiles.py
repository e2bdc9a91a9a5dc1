from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from harness.analysis import plot_profiles, runs_frame
from harness.analysis.metrics.returns.comparison import with_scores
from harness.analysis.metrics.returns.profiles import profile
from harness.core.errors import InputError
from harness.core.records import RunRecord
from tests.support.drawn import band, legend_labels, lines, points, texts

MakeRun = Callable[..., RunRecord]
MakeSuite = Callable[..., list[RunRecord]]
scores = st.lists(st.integers(-2, 12).map(lambda n: n / 10), min_size=2, max_size=6)
LEVELS = [-0.2, 0.0, 0.3, 0.55, 1.0, 1.2]


@pytest.fixture(scope="module")
def figure(records: Sequence[RunRecord]) -> Figure:
    return plot_profiles(records)


@given(st.lists(scores, min_size=1, max_size=3))
def test_a_profile_is_the_mean_share_that_reaches_the_score(strata: list[list[float]]) -> None:
    share, low, high = profile(strata, LEVELS)
    for level, found in zip(LEVELS, share, strict=True):
        shares = [sum(value >= level for value in values) / len(values) for values in strata]
        assert found == pytest.approx(sum(shares) / len(shares))
    assert (np.diff(share) <= 1e-12).all()
    assert (low <= share + 1e-12).all()
    assert (share <= high + 1e-12).all()


def test_one_run_has_a_profile_without_a_band() -> None:
    share, low, high = profile([[0.5]], [0.5, 0.6])
    assert share.tolist() == [1.0, 0.0]
    assert np.isnan([low, high]).all()


def test_a_panel_for_each_learner_and_size_shows_every_arm(
    figure: Figure, records: Sequence[RunRecord]
) -> None:
    frame = with_scores(runs_frame(records))
    assert len(figure.axes) == 2 * 2
    for axis in figure.axes:
        learner, _, size = axis.get_title(loc="left").splitlines()[1].partition(", ")
        for arm in legend_labels(figure):
            chosen = frame[(frame["learner"] == learner) & (frame["arm"] == arm)]
            if arm != "full":
                chosen = chosen[chosen["size"] == int(size.removesuffix(" transitions"))]
            across, shares = points(lines(axis)[arm])
            place = int(np.searchsorted(across, 0.5))
            assert shares[place] == pytest.approx((chosen["score"] >= across[place]).mean())
            edges = np.asarray(band(axis, arm).get_paths()[0].vertices)[:, 1]
            assert edges.min() >= 0
            assert edges.max() <= 1
            assert (np.diff(shares) <= 1e-12).all()


def test_scores_beyond_the_references_stay_in_sight(run: MakeRun) -> None:
    runs = [run([-20.0], size=9, seed=0), run([140.0], size=9, seed=1)]
    (axis,) = plot_profiles(runs).axes
    across, shares = points(lines(axis)["full"])
    assert [across[0], across[-1]] == pytest.approx([-0.2, 1.4])
    assert (shares[0], shares[-1]) == (1.0, 0.5)


def test_an_arm_that_lacks_a_dataset_is_left_out_of_its_panel(suite: MakeSuite) -> None:
    runs = suite(learners=("fqi",), sizes=(50,), seeds=2)
    kept = [
        record
        for record in runs
        if (record.spec.reducer.name, "acrobot" in record.spec.dataset) != ("bellman", True)
    ]
    (axis,) = plot_profiles(kept).axes
    assert set(lines(axis)) == {"full", "random", "stratified", "leverage"}


def test_a_learner_of_one_dataset_has_panels_of_its_own(suite: MakeSuite) -> None:
    lone = suite(datasets=("classic/acrobot/mixed-v0",), learners=("dqn",), sizes=(50,), seeds=2)
    figure = plot_profiles([*suite(learners=("fqi",), sizes=(50,), seeds=2), *lone])
    titles = [axis.get_title(loc="left").splitlines()[0] for axis in figure.axes]
    assert titles == ["classic/acrobot/mixed-v0", "all datasets"]
    assert all(len(lines(axis)) == 5 for axis in figure.axes)


def test_without_references_there_is_no_profile(run: MakeRun) -> None:
    with pytest.raises(InputError, match="no run has a score"):
        plot_profiles([run([1.0], references=(5.0, 5.0))])


def test_the_caption_says_data_and_protocol(figure: Figure) -> None:
    shown = texts(figure).replace("\n", " ")
    for part in ("seeds 0–4", "5000 gradient steps", "at least τ", "each dataset", "discount 0.99"):
        assert part in shown
