"""A record whose bytes have changed is named, and never averaged into a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.analysis import write_tables
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError
from harness.core.records import (
    NEWEST_VERSION,
    SCHEMA_VERSION,
    RunRecord,
    read_record,
    schema_version_of,
    write_record,
)
from harness.core.specs import Suite
from harness.execution.runner import pending_runs
from harness.execution.status import read_status, write_suite
from tests.support.workers import result, run_spec

DATA = Path(__file__).parents[2] / "data"


def written(folder: Path) -> list[Path]:
    paths = []
    for seed in range(5):
        spec = run_spec("good", seed)
        record = RunRecord(
            run_id=spec.run_id,
            spec=spec,
            status="completed",
            result=result(seed + 0.5),
            provenance={
                "versions": {},
                "commit": None,
                "dirty": None,
                "platform": "",
                "threads": 1,
            },
        )
        paths.append(write_record(folder, record))
    return paths


def test_every_changed_byte_is_found_and_named(tmp_path: Path) -> None:
    paths = written(tmp_path)
    specs = [run_spec("good", seed) for seed in range(5)]
    write_tables(tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(200):
        path = paths[rng.integers(len(paths))]
        whole = path.read_bytes()
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        with pytest.raises(InputError, match=path.name):
            write_tables(tmp_path)
        with pytest.raises(InputError, match=path.name):
            pending_runs(specs, tmp_path)
        path.write_bytes(whole)
    write_tables(tmp_path)


def test_every_byte_is_under_the_checksum(tmp_path: Path) -> None:
    path = written(tmp_path)[0]
    whole = path.read_bytes()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 0x20 if position % 2 else 0x01  # another case, or another digit
        path.write_bytes(changed)
        with pytest.raises(InputError, match=path.name):
            read_record(path)


@pytest.mark.parametrize("change", ["add", "cut", "unseal", "older"])
def test_a_record_cannot_shed_its_checksum(tmp_path: Path, change: str) -> None:
    path = written(tmp_path)[0]
    whole = path.read_bytes()
    body = whole[: whole.index(b',\n "sha256"')] + b"\n}\n"
    version = b'"schema_version": %d'
    older = whole.replace(version % SCHEMA_VERSION, version % 1)
    path.write_bytes(
        {"add": whole + b"\n", "cut": whole[:-1], "unseal": body, "older": older}[change]
    )
    with pytest.raises(InputError, match=path.name):
        read_record(path)


def test_every_byte_of_a_suite_is_under_the_checksum(tmp_path: Path) -> None:
    suite = Suite(
        name="small",
        description="",
        datasets=("a.npz",),
        reducers=({"name": "full"},),
        sizes=(10,),
        learners=({"name": "dqn"},),
        seeds=(0,),
    )
    write_suite(tmp_path, suite)
    path = tmp_path / "suite.json"
    whole = path.read_bytes()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 0x20 if position % 2 else 0x01
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"suite\.json"):
            read_status(tmp_path)
    write_suite(tmp_path, suite)
    assert path.read_bytes() == whole
    path.write_text(suite.model_dump_json(indent=1) + "\n")  # as it was before there were checksums
    assert len(read_status(tmp_path).left) == 1


@pytest.mark.parametrize("path", sorted(DATA.glob("record-*.json")), ids=lambda path: path.stem)
def test_records_of_every_schema_version_stay_readable(path: Path) -> None:
    record = read_record(path)
    assert f"record-v{record.schema_version}-{record.status}" == path.stem
    assert (record.result is None) == (record.status == "failed")


def test_there_is_a_fixture_of_every_schema_version() -> None:
    names = {path.stem for path in DATA.glob("record-*.json")}
    versions = range(1, SCHEMA_VERSION + 1)
    both = {f"record-v{n}-{end}" for n in versions for end in ("completed", "failed")}
    assert names == both | {f"record-v{NEWEST_VERSION}-completed"}  # a failed one says no more


def test_an_environment_that_is_made_otherwise_is_told_by_the_newest_version() -> None:
    record = read_record(DATA / f"record-v{NEWEST_VERSION}-completed.json")
    assert record.result is not None
    assert str(record.result.dataset.environment) == (
        "Pendulum-v1, g=9.81, max_episode_steps=60, ClipReward(min_reward=-0.5)"
    )
    plain = read_record(DATA / f"record-v{SCHEMA_VERSION}-completed.json")
    assert plain.result is not None
    assert plain.result.dataset.environment == EnvironmentSpec(id="Pendulum-v1")
    written = [schema_version_of(each.result) for each in (record, plain) if each.result]
    assert written == [NEWEST_VERSION, SCHEMA_VERSION]


def test_a_plain_environment_is_written_as_it_ever_was() -> None:
    path = DATA / f"record-v{SCHEMA_VERSION}-completed.json"
    written = json.loads(read_record(path).model_dump_json())["result"]["dataset"]
    assert written == json.loads(path.read_text())["result"]["dataset"]
