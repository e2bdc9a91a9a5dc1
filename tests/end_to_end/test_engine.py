"""The fast engine through the command line: processes, records, resumption and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.records import RunRecord, RunResult, read_records
from harness.suites.run import run_suite
from tests.support.commands import Command

TINY = """
name = "tiny"
description = "Three arms, three learners."
datasets = ["classic/cartpole/medium-v0"]
sizes = [40]
seeds = [0, 1]
episodes = 3
reducers = [
    {{ name = "full" }}, {{ name = "stratified" }}, {{ name = "stratified", labels = "advantage" }}
]
learners = [
    {{ name = "dqn", parameters = {{ steps = 200, checkpoints = 2 }} }},
    {{ name = "ensemble-dqn", parameters = {{ steps = 200, checkpoints = 2 }} }},
    {others}
]
"""
LINEAR = '{ name = "linear-fqi", parameters = { iterations = 20 } },'


def returns_of(record: RunRecord) -> list[float]:
    assert isinstance(record.result, RunResult)
    return [checkpoint.mean_return for checkpoint in record.result.checkpoints]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(TINY.format(others=LINEAR))
    return path


@pytest.fixture(scope="module")
def fast(suite: Path) -> Path:
    """A results folder of the fast engine, by two processes."""
    records = run_suite(
        {**_values(suite), "engine": "fast"}, folder := suite.parent / "fast", jobs=2
    )
    assert [record.status for record in records] == ["completed"] * 18
    return folder


def _values(suite: Path) -> dict[str, object]:
    import tomllib

    return tomllib.loads(suite.read_text())


def test_records_say_which_engine_it_was(fast: Path, bench: Command) -> None:
    records = list(read_records(fast))
    assert {record.spec.engine for record in records} == {"fast"}
    assert "; engine fast;" in bench("table", fast).output
    assert "6 still to do" not in bench("status", fast).output


def test_returns_are_those_of_d3rlpy(fast: Path, suite: Path, bench: Command) -> None:
    """After 200 steps rounding has not told yet: every episode is the same."""
    folder = suite.parent / "reference"
    assert bench("run", suite, "--results", folder).status == 0
    pairs = list(zip(read_records(folder), read_records(fast), strict=True))
    same = [returns_of(slow) == returns_of(quick) for slow, quick in pairs]
    assert np.mean(same) >= 0.9
    for slow, quick in pairs:
        assert slow.spec == quick.spec.model_copy(update={"engine": "d3rlpy"})
        if slow.spec.learner.name == "linear-fqi":
            assert returns_of(slow) == returns_of(quick)


def test_another_engine_does_not_go_on_in_the_same_folder(
    fast: Path, suite: Path, bench: Command
) -> None:
    done = bench("run", suite, "--results", fast, "--engine", "fast")
    assert "0 runs done, 0 failed, 18 already there" in done.output
    mixed = bench("run", suite, "--results", fast, "--engine", "d3rlpy")
    assert mixed.status == 2
    assert "other settings than this suite's" in mixed.errors


def test_runs_of_the_fast_engine_can_be_repeated(fast: Path, bench: Command) -> None:
    verified = bench("verify", fast, "--sample", "18")
    assert verified.status == 0
    assert "18 runs repeated: 0 problems" in verified.output


@pytest.mark.parametrize(
    ("arguments", "others", "message"),
    [
        (["--engine", "quick"], "", "unknown engine 'quick': choose from d3rlpy, fast"),
        (["--engine", "fast"], '{ name = "cql" },', "learner 'cql': the engine 'fast' trains"),
        ([], '{ name = "bc", engine = "fast" },', "learner 'bc': the engine 'fast' trains"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path, bench: Command, arguments: list[str], others: str, message: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(TINY.format(others=others))
    done = bench("run", path, "--results", tmp_path / "bad", *arguments)
    assert done.status == 2
    assert message in " ".join(done.errors.split())
    assert not (tmp_path / "bad").exists()


def test_a_regression_suite_has_no_engine(tmp_path: Path, bench: Command) -> None:
    done = bench("run", "theory-regression", "--results", tmp_path / "r", "--engine", "fast")
    assert done.status == 2
    assert "regression trains no networks by an engine" in " ".join(done.errors.split())


def test_a_time_out_ends_compiled_training(tmp_path: Path, bench: Command) -> None:
    path = tmp_path / "long.toml"
    text = TINY.format(others="").replace("seeds = [0, 1]", "seeds = [0]")
    path.write_text(text.replace("steps = 200", "steps = 40000000"))
    done = bench("run", path, "--results", tmp_path / "long", "--engine", "fast", "--timeout", "2")
    assert done.status == 1
    records = list(read_records(tmp_path / "long"))
    assert {record.reason for record in records} == {"time-out"}
    assert all("DeadlineExceeded" in (record.error or "") for record in records)
