"""Learning curves for TensorBoard, read back from its event files."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.records import RunRecord, RunResult, read_records
from harness.execution.tracking.tensorboard import TensorBoard
from harness.execution.worker import failed_record, record_run
from harness.suites.loading import parse_suite
from harness.suites.run import run_suite
from tests.support.workers import result, run_spec

events = pytest.importorskip("tensorboardX.proto.event_pb2")

SUITE = """
name = "curves"
description = "A learner of d3rlpy and one that is not."
datasets = ["classic/cartpole/medium-v0"]
sizes = [30]
seeds = [0]
episodes = 3

[[reducers]]
name = "random"

[[learners]]
name = "dqn"
parameters = { steps = 40, checkpoints = 4 }

[[learners]]
name = "linear-fqi"
"""


def pass_on(_: Mapping[str, float], records: Iterator[RunRecord]) -> Iterator[RunRecord]:
    return records


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    """Every scalar of a run by name and step, from TFRecords: length, CRC, event, CRC."""
    found: dict[tuple[str, int], float] = {}
    for file in folder.glob("events.*"):
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack_from("<Q", content)
            event = events.Event.FromString(content[12 : 12 + length])
            content = content[12 + length + 4 :]
            found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
    return found


def expected(measured: RunResult) -> dict[tuple[str, int], float]:
    found: dict[tuple[str, int], float] = {}
    for point in measured.checkpoints:
        values = {
            "mean_return": np.mean(point.returns),
            "min_return": np.min(point.returns),
            "max_return": np.max(point.returns),
        }
        found |= {(f"metrics/{k}", point.step): v for k, v in {**values, **point.metrics}.items()}
    return found


def test_every_curve_is_that_of_its_record(tmp_path: Path) -> None:
    watch = TensorBoard(str(tmp_path / "tb")).watched_by(pass_on)
    run_suite(parse_suite(SUITE, "curves"), tmp_path, watch=watch)
    records = list(read_records(tmp_path))
    assert {record.status for record in records} == {"completed"}
    curves = {r.run_id: r.result for r in records if isinstance(r.result, RunResult)}
    assert len(curves) == 2
    assert {folder.name for folder in (tmp_path / "tb" / "runs").iterdir()} == set(curves)
    for run_id, measured in curves.items():
        found = scalars(tmp_path / "tb" / "runs" / run_id)
        assert found == pytest.approx(expected(measured), rel=1e-6)  # TensorBoard keeps float32


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be created"):
        TensorBoard(str(tmp_path / "file"))


def test_runs_that_failed_or_learned_nothing_have_no_curve(tmp_path: Path) -> None:
    (spec, *_) = parse_suite(SUITE, "curves").runs()
    failed = failed_record(spec, "exception", "boom")
    for record in (failed, record_run(run_spec("measure"), lambda _: result(1.0))):
        TensorBoard(str(tmp_path)).write(record)
    assert not list(tmp_path.iterdir())
