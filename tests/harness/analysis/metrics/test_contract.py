"""What every metric keeps to, whatever it measures: a new one is added to ``CASES``."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from harness.analysis import comparison, write_figures, write_report, write_tables
from harness.analysis.columns import DASH
from harness.analysis.metrics import METRICS, Metric, generic, metric_named, metric_of
from harness.analysis.page.content import page_content
from harness.analysis.rendering import SUFFIXES, readable, render
from harness.analysis.tables import Tables
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.support.records.control import make_run, make_suite
from tests.support.records.fresh import CARTPOLE, make_fresh, make_sampling
from tests.support.records.regression import make_gap, make_regression, make_study, make_theory

OTHER = "a metric of a stranger"


@dataclass(frozen=True)
class Case:
    """Records that measure a metric."""

    records: Callable[[int], Sequence[RunRecord]]  # of so many seeds
    failed: RunRecord  # another run of an arm that they hold
    tables: frozenset[str]
    figures: frozenset[str]
    all_failed: str = ""  # what a folder counts as in which all runs failed, if not this metric
    counts_failed: bool = True


CASES = {
    "return": Case(
        lambda seeds: make_suite(datasets=(CARTPOLE,), learners=("fqi",), seeds=seeds),
        make_run(None, arm="random", size=50, seed=99),
        frozenset({"comparison", "improvement", "cost"}),
        frozenset({"learning-curves", "size-return", "profiles"}),
    ),
    "test MSE": Case(
        lambda seeds: make_study(
            ("regression/wine-red",), ("full", "random", "exact"), (20, 50), ("ridge",), seeds
        ),
        make_regression(None, arm="random", size=20, learner="ridge", seed=99),
        frozenset({"comparison"}),
        frozenset({"size-error"}),
    ),
    "worst-case gap": Case(
        make_theory,
        make_gap(None, 9, seed=99),
        frozenset({"comparison"}),
        frozenset({"identifiability"}),
        all_failed="test MSE",
        counts_failed=False,
    ),
    "fresh gap": Case(
        lambda seeds: make_sampling((CARTPOLE,), (50,), ("product",), seeds=seeds),
        make_fresh(None, seed=99),
        frozenset({"comparison"}),
        frozenset({"fresh-gap"}),
        all_failed="return",
        counts_failed=False,
    ),
    OTHER: Case(
        lambda seeds: [
            make_regression(0.5 * seed, arm=arm, size=size, seed=seed, metric=OTHER)
            for seed in range(seeds)
            for arm, size in (("full", None), ("random", 20), ("random", 50))
        ],
        make_regression(None, arm="random", size=20, seed=99),
        frozenset({"comparison"}),
        frozenset(),
        all_failed="test MSE",
    ),
}


@pytest.fixture(params=CASES)
def metric(request: pytest.FixtureRequest) -> Metric:
    return metric_named(request.param)


@pytest.fixture
def case(metric: Metric) -> Case:
    return CASES[metric.name]


def test_every_metric_is_here() -> None:
    assert CASES.keys() == METRICS.keys() | {OTHER}
    assert metric_named(OTHER).compare is generic(OTHER).compare


def test_records_tell_what_they_measure(metric: Metric, case: Case) -> None:
    assert metric_of([*case.records(2), case.failed]).name == metric.name
    assert metric_of([case.failed]).name == (case.all_failed or metric.name)


def test_columns_are_those_that_are_declared(metric: Metric, case: Case) -> None:
    records = case.records(2)
    for table in metric.tables().values():
        for compared in (table.compare(iter(records)), table.compare([])):
            assert list(compared) == list(table.columns)
            types = {name: column.dtype for name, column in table.columns.items()}
            pd.testing.assert_frame_equal(compared, compared.astype(types))


def test_ends_of_an_interval_stand_around_its_values(metric: Metric, case: Case) -> None:
    compared = metric.compare(case.records(3))
    for name in (name.removesuffix("_low") for name in metric.columns if name.endswith("_low")):
        known = compared.dropna(subset=[f"{name}_low", f"{name}_high"])
        assert len(known)
        assert (known[f"{name}_low"] <= known[name]).all()
        assert (known[name] <= known[f"{name}_high"]).all()


def test_definitions_stand_in_the_caption(metric: Metric, case: Case) -> None:
    for table in metric.tables().values():
        assert table.definitions
        assert all(text.strip() == text != "" for text in table.definitions)
        assert "; ".join(table.definitions) in table.caption(case.records(2))


@pytest.mark.parametrize("format", SUFFIXES)
def test_every_format_has_a_heading_for_each_column(
    metric: Metric, case: Case, format: str
) -> None:
    for table in metric.tables().values():
        compared = table.compare(case.records(2))
        lines = render(compared, format, table.columns).splitlines()
        assert len(lines) > len(compared)
        shown = [name for name in table.columns if not name.endswith("_high")]
        headings = [table.columns[name].heading or name for name in shown]
        assert len(set(headings)) == len(headings)
        if format == "markdown":
            assert [cell.strip() for cell in lines[0].strip("| ").split("|")] == headings


def test_the_report_draws_the_numbers_of_the_comparison(
    metric: Metric, case: Case, tmp_path: Path
) -> None:
    for record in (*case.records(3), case.failed):
        write_record(tmp_path, record)
    tables = Tables.read(tmp_path)
    found, compared = page_content(tables), tables.comparison.frame
    charts = {chart["title"]: chart for chart in found["charts"]}
    assert charts.keys() == {chart.title for chart in metric.charts}
    for chart in (chart for chart in metric.charts if chart.table is None):
        shown, rows = charts[chart.title], compared[compared[chart.value].notna()]
        for name, column in (("value", ""), ("low", "_low"), ("high", "_high")):
            assert shown["rows"][name] == rows[f"{chart.value}{column}"].tolist()
        assert shown["rows"]["count"] == rows[shown["unit"]].tolist()


def test_every_row_of_the_comparison_finds_its_runs(case: Case, tmp_path: Path) -> None:
    records = [*case.records(3), *([case.failed] if case.counts_failed else [])]
    for record in records:
        write_record(tmp_path, record)
    tables = Tables.read(tmp_path)
    found = page_content(tables)
    runs = pd.DataFrame(
        {
            name: [found["runs"][name]["words"][code] for code in found["runs"][name]["codes"]]
            for name in found["runKeys"]
        }
    )
    texts = readable(tables.comparison.frame, tables.comparison.columns)
    for _, row in texts.iterrows():
        same = [(runs[name] == row[name]) | (runs[name] == DASH) for name in found["runKeys"]]
        counted = sum(int(row[name]) for name in ("seeds", "trials", "failed") if name in row)
        assert pd.concat(same, axis="columns").all(axis="columns").sum() == counted


def test_all_that_is_written_is_the_same_in_any_order(
    metric: Metric, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = list(case.records(2))
    for record in records:
        write_record(tmp_path, record)
    paths = [*write_tables(tmp_path), *write_figures(tmp_path), write_report(tmp_path)]
    first = {path.name: path.read_bytes() for path in paths}
    assert set(first) == {
        *(f"{name}.{kind}" for name in case.tables for kind in ("md", "csv", "tex")),
        *(f"{name}.{kind}" for name in case.figures for kind in ("png", "svg")),
        "report.html",
    }
    assert set((tmp_path / "tables").iterdir()) == set(paths[: 3 * len(case.tables)])
    assert case.tables <= set(metric.tables())
    shuffled = random.Random(2).sample(records, len(records))
    for module in ("tables", "plots"):
        monkeypatch.setattr(f"harness.analysis.{module}.read_records", lambda _: iter(shuffled))
    again = [*write_tables(tmp_path), *write_figures(tmp_path)]
    assert {path.name: path.read_bytes() for path in again}.items() <= first.items()


def test_one_seed_has_figures_too(metric: Metric, case: Case) -> None:
    assert set(metric.figures(case.records(1))) == case.figures


def test_without_a_completed_run_there_is_nothing_to_draw(metric: Metric, case: Case) -> None:
    if not case.figures:
        assert metric.figures([case.failed]) == {}
        return
    with pytest.raises(InputError, match="0 of 1 runs completed"):
        metric.figures([case.failed])


def test_failed_runs_are_counted_or_left_out(metric: Metric, case: Case) -> None:
    records = list(case.records(2))
    without, compared = comparison(records), comparison([*records, case.failed])
    assert "1 failed run left out" in metric.caption([*records, case.failed])
    if case.counts_failed:
        assert without["failed"].sum() == 0
        assert compared["failed"].sum() == 1
        assert compared["arm"][compared["failed"] == 1].tolist() == [case.failed.spec.reducer.name]
        without, compared = (table.drop(columns="failed") for table in (without, compared))
    pd.testing.assert_frame_equal(compared, without)


@pytest.mark.parametrize("other", CASES)
def test_figures_refuse_what_they_do_not_show(metric: Metric, case: Case, other: str) -> None:
    if other == metric.name or not case.figures:
        return
    with pytest.raises(InputError, match=f"records of {other}: this figure shows {metric.name}"):
        metric.figures(CASES[other].records(2))
