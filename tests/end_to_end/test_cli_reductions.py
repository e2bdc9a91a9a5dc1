"""Certificates and regression from the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from harness.core.records import read_records
from tests.support.commands import Command


def test_a_distilled_set_is_certified(bench: Command, tmp_path: Path) -> None:
    path, source = tmp_path / "set.npz", "classic/mountaincar/medium-v0"

    def gaps(method: str, *parameters: str) -> dict[str, float]:
        words = [word for parameter in parameters for word in ("--parameter", parameter)]
        bench("distill", source, "--method", method, "--size", "40", "--output", path, *words)
        lines = bench("certify", path, "--against", source).output.splitlines()
        bound = re.search(r"loss gap at most (\S+), and found (\S+)", lines[2])
        assert bound
        assert float(bound[2]) <= float(bound[1])
        rows = [line.split() for line in lines if " this " in line]
        return {"bound": float(bound[1])} | {row[0]: float(row[2]) for row in rows}

    exact = gaps("exact")
    assert exact["bound"] < 1e-12
    assert exact["additive"] < 1e-12 < exact["product"]
    own = gaps("bellman", "features=fourier", "feature_count=20", "actions=product")
    assert own["own"] < 0.1 < gaps("random")["bound"]


def test_a_set_of_other_data_is_noted(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    bench("distill", "classic/mountaincar/medium-v0", "--size", "20", "--output", path)
    noted = bench("certify", path, "--against", "classic/mountaincar/mixed-v0")
    assert noted.output.startswith(f"note: according to {path} it was made from other data")


def test_a_regression_set_is_distilled_and_certified(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "exact.npz"
    dataset = "regression/diabetes"
    made = bench("distill", dataset, "--method", "exact", "--size", "11", "--output", path)
    assert made.status == 0
    assert "11 synthetic of 442 rows by exact" in made.output
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {"features", "targets", "weights", "metadata"}
        assert file["features"].shape == (11, 10)
    exact = bench("certify", path, "--against", dataset)
    assert exact.status == 0
    assert worst_gap(exact.output) < 1e-12

    bench("distill", dataset, "--method", "random", "--size", "50", "--output", path)
    assert worst_gap(bench("certify", path, "--against", dataset).output) > 0.1
    refused = bench("certify", path, "--against", "regression/gaussian-5")
    assert refused.status == 2
    assert "10 features" in refused.errors


def worst_gap(output: str) -> float:
    found = re.search(r"loss gap (\S+), attained; their", output)
    assert found
    return float(found[1])


REGRESSION = """
name = "small"
description = "Three arms on diabetes."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [20]
seeds = [0, 1]

[[reducers]]
name = "full"

[[reducers]]
name = "random"

[[reducers]]
name = "exact"

[[learners]]
name = "least-squares"
"""


def test_a_regression_suite_goes_the_same_way(bench: Command, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(REGRESSION)
    ran = bench("run", tmp_path / "small.toml", "--results", tmp_path / "small")
    assert ran.status == 0
    records = {record.run_id: record for record in read_records(tmp_path / "small")}
    assert len(records) == 6
    for seed in (0, 1):
        name = "regression-diabetes__{}__least-squares__seed{}"
        full, exact = (
            records[name.format(arm, seed)].headline for arm in ("full__all", "exact__n20")
        )
        assert exact == pytest.approx(full, rel=1e-9)
        assert records[name.format("random__n20", seed)].headline > full
    assert "exact" in bench("table", tmp_path / "small").output
    assert bench("plot", tmp_path / "small").status == 0


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("diabetes", "diabetis", "did you mean 'regression/diabetes'"),
        ('"exact"', '"exakt"', "did you mean 'exact'"),
        ("least-squares", "least-square", "did you mean 'least-squares'"),
        ("sizes = [20]", "sizes = [400]", "size 400.*has only 354 rows"),
        ("sizes = [20]", "sizes = [20]\ndiscount = 0.9", "neither discount nor episodes"),
        ('task = "regression"', 'task = "regresion"', "'control' or 'regression'"),
    ],
)
def test_a_bad_regression_suite_is_refused(
    bench: Command, tmp_path: Path, old: str, new: str, rule: str
) -> None:
    (tmp_path / "bad.toml").write_text(REGRESSION.replace(old, new))
    refused = bench("run", tmp_path / "bad.toml", "--results", tmp_path / "results")
    assert refused.status == 2
    assert len(refused.errors.strip().splitlines()) == 1
    assert re.search(rule, refused.errors)
    assert not (tmp_path / "results").exists()
