"""Metrics that the analysis has no file for: the generic one, and those of other packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.analysis import caption, comparison, write_figures, write_report, write_tables
from harness.analysis.metrics import METRICS, generic, metric_named, metric_of
from harness.analysis.metrics.generic import COLUMNS
from harness.core.errors import InputError
from harness.core.records import RunRecord, read_record, write_record
from tests.support.records.regression import make_regression

COVERAGE = "share of cells missed"


def make_coverage(
    value: float | None, arm: str = "random", seed: int = 0, size: int | None = 50
) -> RunRecord:
    return make_regression(value, arm=arm, size=size, seed=seed, learner="cells", metric=COVERAGE)


def make_coverages() -> list[RunRecord]:
    return [
        make_coverage(0.0, "full", size=None),
        *(make_coverage(value, seed=seed) for seed, value in enumerate([0.3, 0.1, 0.5])),
        make_coverage(None, seed=3),
        make_coverage(0.25, "leverage"),
    ]


def test_values_stand_side_by_side_with_their_range_over_seeds() -> None:
    table = comparison(make_coverages())
    assert list(table) == list(COLUMNS)
    assert table["arm"].tolist() == ["full", "random", "leverage"]
    assert table["size"].tolist() == [50, 50, 50]
    assert table["learner"].unique().tolist() == ["cells"]
    assert table["seeds"].tolist() == [1, 3, 1]
    assert table["failed"].tolist() == [0, 1, 0]
    assert table["value"].tolist() == [0.0, 0.3, 0.25]
    assert table["value_low"].tolist() == [0.0, 0.1, 0.25]
    assert table["value_high"].tolist() == [0.0, 0.5, 0.25]


def test_an_arm_of_failed_runs_only_keeps_its_row() -> None:
    table = comparison([make_coverage(0.1), make_coverage(None, "leverage")])
    assert table["seeds"].tolist() == [1, 0]
    assert np.isnan(table["value"].iloc[1])


def test_the_caption_names_the_metric() -> None:
    assert f"value: {COVERAGE}, of which less is better" in caption(make_coverages())


def test_a_metric_without_a_file_has_tables_and_a_report_and_no_figure(tmp_path: Path) -> None:
    for record in make_coverages():
        write_record(tmp_path, record)
    written = {path.name for path in write_tables(tmp_path)}
    assert written == {"comparison.md", "comparison.csv", "comparison.tex"}
    text = (tmp_path / "tables" / "comparison.md").read_text(encoding="utf-8")
    assert " value | " in text
    assert "[0.100, 0.500]" in text
    assert write_figures(tmp_path) == []
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert COVERAGE in page
    assert "<img" not in page


def test_values_of_two_metrics_are_not_compared() -> None:
    with pytest.raises(InputError, match=f"measure {COVERAGE} and test MSE"):
        metric_of([make_coverage(0.1), make_regression(0.2)])


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_of_the_package_is_found_by_name(name: str) -> None:
    assert metric_named(name) is METRICS[name]
    assert metric_named("another").compare is generic("another").compare


@pytest.mark.parametrize("name", ["", " coverage", "a\nb", "x" * 49, "return", "a\u202eb"])
def test_a_name_that_cannot_be_printed_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="metric"):
        make_regression(0.1, metric=name)


@pytest.mark.parametrize("name", [COVERAGE, "Größe", "x" * 48, "a|b & c_d"])
def test_a_record_of_any_printable_name_is_read_again(tmp_path: Path, name: str) -> None:
    record = make_regression(0.1, metric=name)
    assert read_record(write_record(tmp_path, record)) == record


MODULE = f'''
from dataclasses import replace
from harness.analysis.metrics import METRICS, generic
COVERAGE = replace(generic("{COVERAGE}"), definitions=("cells of a grid",))
OTHER = METRICS["return"]
'''


def install(package: Path, value: str) -> dict[str, str]:
    """Lay out an installed package that offers a metric; the environment that finds it."""
    metadata = package / "cells-1.0.dist-info"
    metadata.mkdir(parents=True)
    (package / "cells_of_a_grid.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cells\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[bellman_bench.analysis]\n{COVERAGE.replace(' ', '-')} = cells_of_a_grid:{value}\n"
    )
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(Path.cwd())])}


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ("COVERAGE", 0, "cells of a grid"),
        ("OTHER", 2, f"must be a `Metric` named '{COVERAGE}', and is 'return'"),
        ("GONE", 2, "cannot be imported"),
    ],
)
def test_an_installed_package_offers_a_metric(
    tmp_path: Path, value: str, status: int, said: str
) -> None:
    for record in make_coverages():
        write_record(tmp_path / "results", record)
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "table", str(tmp_path / "results")],
        capture_output=True,
        text=True,
        check=False,
        env=install(tmp_path / "site", value),
    )
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
