import math
from itertools import product

import pytest
from matplotlib.axes import Axes

from harness.analysis.figures.panels import MOST_COLUMNS, Panel, panel_grid


def place(axis: Axes) -> tuple[int, int]:
    spec = axis.get_subplotspec()
    assert spec is not None
    return spec.rowspan.start, spec.colspan.start


@pytest.mark.parametrize(("datasets", "learners"), [(1, 9), (2, 2), (2, 5), (3, 4), (2, 10)])
def test_learners_of_a_dataset_wrap_and_the_next_dataset_begins_a_row(
    datasets: int, learners: int
) -> None:
    panels = [Panel(f"d{i}", f"l{j}") for i, j in product(range(datasets), range(learners))]
    figure, axes = panel_grid(panels, "x", "y")
    rows = math.ceil(learners / MOST_COLUMNS)
    places = [place(axis) for axis in axes]
    assert len(set(places)) == len(panels)
    for panel, (row, column) in zip(panels, places, strict=True):
        assert row // rows == int(panel.dataset[1:])
        assert column < MOST_COLUMNS
    assert places[::learners] == [(rows * i, 0) for i in range(datasets)]
    assert figure.get_size_inches()[0] <= 4 * 3.6


@pytest.mark.parametrize(("learners", "sizes"), [(1, 6), (3, 2), (2, 5)])
def test_sizes_stand_side_by_side(learners: int, sizes: int) -> None:
    panels = [Panel("d", f"l{j}", 10 * (k + 1)) for j, k in product(range(learners), range(sizes))]
    _, axes = panel_grid(panels, "x", "y")
    rows = math.ceil(sizes / MOST_COLUMNS)
    for panel, axis in zip(panels, axes, strict=True):
        assert place(axis)[0] // rows == int(panel.learner[1:])


@pytest.mark.parametrize("datasets", [1, 2, 3, 4, 5, 7, 9, 10])
def test_rows_of_datasets_are_filled_evenly(datasets: int) -> None:
    _, axes = panel_grid([Panel(f"d{i}", "l") for i in range(datasets)], "x", "y")
    rows = [place(axis)[0] for axis in axes]
    filled = [rows.count(row) for row in range(max(rows) + 1)]
    assert len(filled) == math.ceil(datasets / 3)
    assert all(count == filled[0] for count in filled[:-1])
    assert len(filled) * (filled[0] - 1) < datasets  # no column could be spared


@pytest.mark.parametrize(("datasets", "learners"), [(1, 1), (1, 5), (2, 3), (2, 7)])
def test_labels_stand_where_nothing_follows(datasets: int, learners: int) -> None:
    panels = [Panel(f"d{i}", f"l{j}") for i, j in product(range(datasets), range(learners))]
    _, axes = panel_grid(panels, "x", "y")
    places = {place(axis) for axis in axes}
    for axis in axes:
        row, column = place(axis)
        assert (axis.get_xlabel() == "x") == ((row + 1, column) not in places)
        assert (axis.get_ylabel() == "y") == (column == 0)


def test_panels_share_their_range_within_a_dataset_or_throughout() -> None:
    panels = [Panel(dataset, learner) for dataset in "ab" for learner in "lm"]
    for share_all in (False, True):
        _, axes = panel_grid(panels, "x", "y", share_all)
        axes[0].set_ylim(3, 4)
        assert axes[1].get_ylim() == (3, 4)
        assert (axes[2].get_ylim() == (3, 4)) == share_all


def test_a_title_names_what_a_panel_has() -> None:
    assert Panel("d", "fqi").title == "d\nfqi"
    assert Panel("d", "fqi", 50).title == "d\nfqi, 50 transitions"
    assert Panel("d", note="d = 5").title == "d\nd = 5"
