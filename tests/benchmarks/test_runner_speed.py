"""What running and tabulating cost beside the work itself."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from envs.dataset import Dataset
from harness.core.records import read_records, write_record
from harness.core.specs import Suite
from harness.suites.loading import load_suite
from harness.suites.packing import pack
from tests.benchmarks.timing import Timed, run_timed, seconds, speedup, work
from tests.support.commands import Command

pytestmark = pytest.mark.benchmark

EVIDENCE = Path(__file__).parents[2] / "results" / "quickstart"


def quickstart(seeds: int) -> Suite:
    """The shipped suite: its arms, sizes and learners, 12 runs a seed."""
    return load_suite("quickstart").model_copy(update={"seeds": tuple(range(seeds))})


@pytest.fixture(scope="module")
def alone(cartpole: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Timed:  # noqa: ARG001
    return run_timed(quickstart(5), tmp_path_factory.mktemp("one"), jobs=1)


def test_the_runner_adds_little_to_the_work(alone: Timed) -> None:
    """From the first record on: by then the worker has come up and has imported its libraries."""
    wall = alone.arrivals[-1] - alone.arrivals[0]
    overhead = wall - (work(alone.records) - work(alone.records[:1]))
    print(f"beside the work {overhead / wall:.2%} of {wall:.0f} s")
    assert overhead < 0.02 * wall


def test_two_workers_are_faster_than_one(alone: Timed, tmp_path: Path) -> None:
    both = run_timed(quickstart(5), tmp_path, jobs=2)
    assert len(both.records) == len(alone.records)
    assert speedup(alone, both) >= 1.8


def write_copies(suite: Suite, folder: Path) -> int:
    """Record every run of a suite, with what the same run of seed 0 measured."""
    runs = list(suite.runs())
    measured = {record.run_id: record for record in read_records(EVIDENCE)}
    for spec in runs:
        first = spec.model_copy(update={"seed": 0})
        first.__dict__.pop("run_id", None)
        record = measured[first.run_id]
        copied = {"spec": spec, "run_id": spec.run_id}
        write_record(folder, record.model_copy(update=copied))
    return len(runs)


def test_a_complete_suite_is_resumed_at_once(bench: Command, tmp_path: Path) -> None:
    seeds = ", ".join(map(str, range(84)))
    reducers = ", ".join(
        f'{{name = "{r.name}", labels = "{r.labels.name if r.labels else "recorded"}"}}'
        for r in quickstart(1).reducers
    )
    (tmp_path / "copy.toml").write_text(
        f"""
        name = "copy"
        description = "Quickstart with more seeds."
        datasets = ["classic/cartpole/medium-v0"]
        sizes = [50]
        seeds = [{seeds}]
        reducers = [{reducers}]
        learners = [{", ".join(f'{{name = "{r.name}"}}' for r in quickstart(1).learners)}]
        """
    )
    count = write_copies(load_suite(str(tmp_path / "copy.toml")), tmp_path)
    command = ("run", tmp_path / "copy.toml", "--results", tmp_path)
    assert f"0 runs done, 0 failed, {count} already there" in bench(*command).output
    (wall,) = seconds(lambda: bench(*command), repeats=3)
    print(f"{count} records resumed in {wall:.2f} s")
    assert count >= 1000
    assert wall < 2


def test_ten_thousand_records_are_tabulated_soon(bench: Command, tmp_path: Path) -> None:
    count = write_copies(quickstart(834), tmp_path)
    (wall,) = seconds(lambda: bench("table", tmp_path), repeats=2)
    print(f"{count} records tabulated in {wall:.2f} s")
    assert count >= 10_000
    assert wall < 5


def test_packed_records_are_read_about_as_fast_as_files_of_their_own(tmp_path: Path) -> None:
    count = write_copies(quickstart(834), tmp_path / "own")
    shutil.copytree(tmp_path / "own", tmp_path / "packed")
    pack(tmp_path / "packed")
    own, packed = seconds(
        *(
            partial(lambda folder: list(read_records(folder)), tmp_path / name)
            for name in ("own", "packed")
        ),
        repeats=3,
    )
    print(f"{count} records read in {own:.2f} s, packed in {packed:.2f} s")
    assert count >= 10_000
    assert packed < 1.5 * own
