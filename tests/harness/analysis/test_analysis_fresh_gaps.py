from pathlib import Path

import pytest

from harness.analysis import caption, comparison, render, write_figures, write_tables
from harness.analysis.fresh_gaps import COLUMN_TYPES
from harness.errors import InputError
from harness.records import RunRecord, write_record
from tests.harness.analysis.control_records import make_fresh_gap, make_run
from tests.harness.analysis.written import read_markdown

RUNS = [make_fresh_gap(gap, seed=seed) for seed, gap in enumerate((0.4, 0.1, 0.9, None))]


def test_a_fresh_gap_is_the_median_over_seeds_beside_its_range() -> None:
    table = comparison(RUNS)
    assert list(table) == list(COLUMN_TYPES)
    (row,) = table.to_dict("records")
    assert (row["fresh_gap_low"], row["fresh_gap"], row["fresh_gap_high"]) == (0.1, 0.4, 0.9)
    assert (row["arm"], row["size"], row["rows"]) == ("bellman", 50, 50)
    assert (row["seeds"], row["failed"]) == (3, 1)


def test_arms_and_judges_stand_apart() -> None:
    runs = [
        make_fresh_gap(gap, arm=arm, learner=learner)
        for gap, (learner, arm) in enumerate(
            ((learner, arm) for learner in ("a", "b") for arm in ("bellman", "random")), start=1
        )
    ]
    table = comparison(runs).set_index(["learner", "arm"])["fresh_gap"]
    assert table.to_dict() == {
        ("a", "random"): 2.0,
        ("a", "bellman"): 1.0,
        ("b", "random"): 4.0,
        ("b", "bellman"): 3.0,
    }
    assert list(table.index)[:2] == [("a", "random"), ("a", "bellman")]


def test_an_arm_of_failed_runs_only_keeps_its_row() -> None:
    table = comparison([*RUNS, make_fresh_gap(None, arm="random")])
    cells = read_markdown(render(table, "markdown"))
    assert cells["arm"].tolist() == ["random", "bellman"]
    assert cells["fresh gap"].tolist() == ["–", "0.400"]
    assert cells["fresh gap range"].tolist() == ["–", "[0.100, 0.900]"]


def test_the_caption_speaks_of_no_training() -> None:
    line = caption(RUNS)
    assert "median over seeds" in line
    assert "1 failed run left out" in line
    assert "episodes" not in line
    assert "gradient steps" not in line


def test_fresh_gaps_have_tables_and_no_figures(tmp_path: Path) -> None:
    for record in RUNS:
        write_record(tmp_path, record)
    assert len(write_tables(tmp_path)) == 3
    assert write_figures(tmp_path) == []


@pytest.mark.parametrize("other", [make_run([1.0]), make_run([1.0], seed=1)])
def test_returns_and_fresh_gaps_do_not_mix(other: RunRecord) -> None:
    with pytest.raises(InputError, match="fresh gap and return"):
        comparison([*RUNS, other])
