from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.errors import InputError
from harness.core.records import (
    SCHEMA_VERSION,
    Checkpoint,
    DatasetFacts,
    Provenance,
    ReductionFacts,
    RunRecord,
    RunResult,
    Seconds,
    Use,
    read_record,
    read_records,
    write_record,
)
from harness.core.specs import RunSpec
from harness.core.storage.record_files import record_path

SPEC = RunSpec(
    dataset="classic/cartpole/medium-v0",
    reducer=ReducerSpec(name="random"),
    size=10,
    learner=LearnerSpec(name="dqn"),
    seed=0,
    discount=0.99,
    episodes=2,
)


def record(*means: float) -> RunRecord:
    checkpoints = tuple(
        Checkpoint(step=100 * step, returns=(mean - 1, mean + 1), metrics={"loss": 0.5})
        for step, mean in enumerate(means, 1)
    )
    result = RunResult(
        dataset=DatasetFacts(
            environment_id="CartPole-v1",
            rows=100,
            bytes=1000,
            content_hash="0" * 64,
            reference_min=20.0,
            reference_max=500.0,
            quantisation={"codes": 32.0, "variance_share": 0.1 + 0.2},
        ),
        reduction=ReductionFacts(
            rows=10,
            bytes=100,
            content_hash="1" * 64,
            synthetic=False,
            parameters={"discount": 0.99},
            diagnostics={},
        ),
        learner_parameters={"steps": 100},
        checkpoints=checkpoints,
        seconds=Seconds(reduction=0.1, training=1.0, evaluation=0.2),
        use=Use(regret=1 / 3, agreement=0.1 + 0.2),
    )
    return RunRecord(
        run_id=SPEC.run_id,
        spec=SPEC,
        status="completed",
        result=result,
        provenance=Provenance(versions={}, commit=None, dirty=None, platform="Linux", threads=1),
    )


def test_a_record_is_read_back_equal(tmp_path: Path) -> None:
    written = record(1.0, 0.1 + 0.2, 1e-300)
    path = write_record(tmp_path, written)
    assert path == record_path(tmp_path, SPEC.run_id)
    assert read_record(path) == written
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert list(read_records(tmp_path)) == [written]


def test_the_headline_is_the_mean_of_the_last_three_checkpoints() -> None:
    assert record(500.0, 10.0, 20.0, 60.0).headline == pytest.approx(30.0)
    assert record(10.0, 20.0).headline == pytest.approx(15.0)


def test_a_failed_run_has_no_return() -> None:
    failed = record(1.0).model_copy(update={"status": "failed", "result": None})
    with pytest.raises(ValueError, match="failed and has no result"):
        _ = failed.headline


@pytest.mark.parametrize("damage", ["", "{}", "cut", "schema"])
def test_a_damaged_record_is_named(tmp_path: Path, damage: str) -> None:
    path = write_record(tmp_path, record(1.0))
    whole = path.read_text()
    changed = {
        "cut": whole[:300],
        "schema": whole.replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 99'),
    }
    path.write_text(changed.get(damage, damage))
    with pytest.raises(InputError, match=rf"{SPEC.run_id}.*delete it and run the suite again"):
        read_record(path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no records in"):
        read_records(tmp_path)
