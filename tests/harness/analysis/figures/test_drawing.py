from collections.abc import Callable

import numpy as np
import pytest

from harness.analysis import ARM_ORDER, comparison, plot_size_curves
from harness.core.records import RunRecord
from tests.support.drawn import bar_ends, bars, points

ARMS = ("full", "random", "stratified", "leverage", "bellman", "exact", "operator")


def test_more_arms_than_bands_get_error_bars_side_by_side(
    suite: Callable[..., list[RunRecord]],
) -> None:
    runs = suite(datasets=("classic/cartpole/medium-v0",), learners=("fqi",), arms=ARMS)
    table = comparison(runs)
    (axis,) = plot_size_curves(runs).axes
    assert list(bars(axis)) == [arm for arm in ARM_ORDER if arm in ARMS[1:]]
    places = []
    for arm, bar in bars(axis).items():
        across, returns = points(bar.lines[0])
        rows = table[table["arm"] == arm]
        assert returns == rows["return"].tolist()
        np.testing.assert_allclose(bar_ends(bar), rows[["return_low", "return_high"]].to_numpy())
        assert across[1] == pytest.approx(4 * across[0])  # sizes 50 and 200, shifted alike
        places.append(across[0])
    assert places == sorted(set(places))
    assert 50 / 1.5 < places[0] < 50 < places[-1] < 50 * 1.5


@pytest.mark.parametrize("sizes", [(50,), (50, 100), (50, 100, 200), (20, 50, 100, 200)])
def test_every_error_bar_stands_within_the_axis(
    suite: Callable[..., list[RunRecord]], sizes: tuple[int, ...]
) -> None:
    runs = suite(
        datasets=("classic/cartpole/medium-v0",), learners=("fqi",), arms=ARMS, sizes=sizes
    )
    (axis,) = plot_size_curves(runs).axes
    low, high = axis.get_xlim()
    places = [place for bar in bars(axis).values() for place in points(bar.lines[0])[0]]
    assert len(places) == len(sizes) * (len(ARMS) - 1)
    assert low < 0.98 * min(places)
    assert high > 1.02 * max(places)
