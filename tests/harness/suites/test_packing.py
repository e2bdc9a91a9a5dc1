"""Packing a results folder: nothing is lost at any moment, and no bit of a record changes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import InputError
from harness.core.records import (
    Checkpoint,
    RunRecord,
    RunResult,
    read_record,
    read_records,
    write_record,
)
from harness.core.storage.checksums import unseal
from harness.core.storage.files import flush
from harness.core.storage.processes import HOST
from harness.core.storage.record_files import own_ids, packed_path, record_path
from harness.core.storage.sealed_lines import seal_lines
from harness.execution.leases import Holder, Leases
from harness.execution.status import write_suite
from harness.suites.loading import make_suite
from harness.suites.packing import pack
from tests.support.records.control import make_run
from tests.support.records.stored import (
    completed,
    failed,
    packed_text,
    put_packed_text,
    write_five,
    write_packed,
)
from tests.support.workers import run_spec

DATA = Path(__file__).parents[2] / "data"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_records_move_into_one_file(tmp_path: Path) -> None:
    records = write_five(tmp_path)
    texts = {record.run_id: record_path(tmp_path, record.run_id) for record in records}
    told = {run_id: json.loads(unseal(path.read_bytes())) for run_id, path in texts.items()}
    size = sum(path.stat().st_size for path in texts.values())
    done = pack(tmp_path)
    assert names(tmp_path) == {"records.jsonl.xz"}
    assert list(read_records(tmp_path)) == records
    *lines, _ = map(json.loads, packed_text(tmp_path).splitlines())
    assert [line["run_id"] for line in lines] == sorted(told)
    for line in lines:
        assert json.dumps(line) == json.dumps(told[line["run_id"]])
    saved = size - packed_path(tmp_path).stat().st_size
    (said,) = done.lines()
    assert said == (
        f"packed 5 records into {packed_path(tmp_path)}: 4 files and {saved:,} bytes saved"
    )


def test_packing_again_changes_nothing(tmp_path: Path) -> None:
    write_five(tmp_path)
    pack(tmp_path)
    before = packed_path(tmp_path).read_bytes()
    written = packed_path(tmp_path).stat().st_mtime_ns
    assert list(pack(tmp_path).lines()) == [f"already packed: 5 records in {packed_path(tmp_path)}"]
    assert packed_path(tmp_path).read_bytes() == before
    assert packed_path(tmp_path).stat().st_mtime_ns == written


def test_later_records_join_and_replace_packed_ones(tmp_path: Path) -> None:
    records = write_five(tmp_path)
    pack(tmp_path)
    again, new = completed(records[2].spec, 9.0), completed(run_spec("another"))
    write_record(tmp_path, again)
    write_record(tmp_path, new)
    assert "packed 2 records" in next(pack(tmp_path).lines())
    assert next(pack(tmp_path).lines()).startswith("already packed: 6 records")
    found = {record.run_id: record for record in read_records(tmp_path)}
    assert found == {record.run_id: record for record in [*records, again, new]}


def test_what_is_in_the_folder_and_no_record_stays(tmp_path: Path) -> None:
    write_five(tmp_path)
    other = tmp_path / "records" / "notes.txt"
    other.write_text("mine")
    gone = tmp_path / f".records.jsonl.xz.{2**22 + 1}-{HOST}.partial"  # of a killed process
    gone.write_text("{")
    pack(tmp_path)
    assert names(tmp_path) == {"records", "records.jsonl.xz"}
    assert names(tmp_path / "records") == {"notes.txt"}


@pytest.mark.parametrize("path", sorted(DATA.glob("record-*.json")), ids=lambda path: path.stem)
def test_records_of_every_schema_version_can_be_packed(path: Path, tmp_path: Path) -> None:
    record = read_record(path)
    (tmp_path / "records").mkdir()
    shutil.copy(path, record_path(tmp_path, record.run_id))
    pack(tmp_path)
    assert list(read_records(tmp_path)) == [record]


floats = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(codec="utf-8"), max_size=20)
jsons = st.none() | st.booleans() | st.integers() | floats | words
parameters = st.dictionaries(words, jsons | st.lists(jsons, max_size=3), max_size=3)


@st.composite
def control_records(draw: st.DrawFn) -> RunRecord:
    record = make_run([1.0], seed=draw(st.integers(0, 1000)))
    assert isinstance(record.result, RunResult)
    returns = st.lists(floats, min_size=1, max_size=3).map(tuple)
    checkpoints = st.builds(
        Checkpoint,
        step=st.integers(0),
        returns=returns,
        metrics=st.dictionaries(words, floats, max_size=2),
    )
    drawn = {
        "checkpoints": tuple(draw(st.lists(checkpoints, min_size=1, max_size=3))),
        "learner_parameters": draw(parameters),
    }
    result = record.result.model_copy(update=drawn)
    return record.model_copy(update={"result": result})


@st.composite
def failed_records(draw: st.DrawFn) -> RunRecord:
    return failed(run_spec("raise", draw(st.integers(0, 1000))), draw(words))


@settings(max_examples=50)
@given(st.lists(control_records() | failed_records(), min_size=1, max_size=6))
def test_no_bit_of_a_random_record_changes(
    tmp_path_factory: pytest.TempPathFactory, records: list[RunRecord]
) -> None:
    folder = tmp_path_factory.mktemp("random")
    by_id = {record.run_id: record for record in records}
    for record in by_id.values():
        write_record(folder, record)
    own = {record.run_id: record for record in read_records(folder)}
    pack(folder)
    found = list(read_records(folder))
    assert [record.run_id for record in found] == sorted(by_id)
    for record in found:
        assert record.model_dump_json() == by_id[record.run_id].model_dump_json()
        assert record == own[record.run_id]


class Killed(BaseException):
    """What ends a process at once, as far as an exception can."""


def steps_before_death(monkeypatch: pytest.MonkeyPatch, deadly: int) -> list[str]:
    """Die at one of the changes that packing makes to the disk; returns the changes so far."""
    made: list[str] = []

    def counted(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if len(made) >= deadly:
                raise Killed
            made.append(name)
            return change(*arguments, **options)

        return step

    for name in ("write_bytes", "replace", "unlink", "rmdir"):
        monkeypatch.setattr(Path, name, counted(name, getattr(Path, name)))
    monkeypatch.setattr(os, "fsync", counted("fsync", os.fsync))
    return made


def deaths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Pack fresh copies of a folder, each killed one step later; yields while it lies there."""
    copy = folder.with_name("copy")
    for deadly in range(100):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        with monkeypatch.context() as patch:
            made = steps_before_death(patch, deadly)
            try:
                pack(copy)
            except Killed:
                patch.undo()
                yield made
            else:
                return


@pytest.mark.parametrize("form", ["own", "both"])
def test_killed_at_any_step_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    folder, copy = tmp_path / "folder", tmp_path / "copy"
    records = write_five(folder)
    if form == "both":  # with an old record of one of them, and one of another run
        another = completed(run_spec("another"))
        write_packed(folder, failed(records[0].spec), another)
        records = sorted([*records, another], key=lambda record: record.run_id)
    seen: set[str] = set()
    killed = 0
    for made in deaths(folder, monkeypatch):
        killed += 1
        seen.update(made)
        assert list(read_records(copy)) == records
        pack(copy)
        assert list(read_records(copy)) == records
        assert names(copy) == {"records.jsonl.xz"}
    assert killed > 10
    assert seen >= {"write_bytes", "replace", "fsync", "unlink", "rmdir"}


def test_a_disk_that_keeps_something_else_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = write_five(tmp_path)
    short = "harness.core.storage.record_files.seal_lines"
    monkeypatch.setattr(short, lambda lines: seal_lines(lines[1:]))
    with pytest.raises(OSError, match=r"records\.jsonl.*nothing was removed"):
        pack(tmp_path)
    assert len(own_ids(tmp_path)) == 5
    assert list(read_records(tmp_path)) == records


def unchanged(folder: Path, refused: str) -> None:
    """Expect that packing is refused, and that no file of the folder is another then."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=refused):
        pack(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    unchanged(tmp_path, "no records in")
    assert names(tmp_path) == set()
    with pytest.raises(InputError, match="no records in"):
        pack(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_damage_is_refused(tmp_path: Path) -> None:
    records = write_five(tmp_path)
    path = record_path(tmp_path, records[0].run_id)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"rows", b"rowz", 1))
    unchanged(tmp_path, rf"{path.name}.*delete it and run the suite again")
    path.write_bytes(whole)
    write_packed(tmp_path, records[0])
    put_packed_text(tmp_path, packed_text(tmp_path).replace(b"rows", b"rowz", 1))
    unchanged(tmp_path, r"records\.jsonl.*restore that file, as from git")


def test_a_record_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    records = write_five(tmp_path)
    shutil.copy(record_path(tmp_path, records[0].run_id), tmp_path / "records" / "other.json")
    unchanged(tmp_path, r"other\.json.*copied or renamed.*remove it")


def test_records_of_two_protocols_are_refused(tmp_path: Path) -> None:
    records = write_five(tmp_path)
    spec = records[3].spec.model_copy(update={"replicate": 0, "discount": 0.5})
    assert spec.run_id == records[3].run_id
    write_packed(tmp_path, completed(spec))
    unchanged(tmp_path, r"other settings.*records\.jsonl.*two protocols.*remove the one")


def leave_lease(folder: Path, pid: int) -> None:
    path = folder / "leases" / "some-run.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(Holder(host=HOST, pid=pid, token="t").model_dump_json())


def test_runs_in_progress_are_refused(tmp_path: Path) -> None:
    write_five(tmp_path)
    leave_lease(tmp_path, os.getppid())
    unchanged(tmp_path, r"1 run in progress in .*such as some-run by process \d+ on .*: wait")
    leave_lease(tmp_path, 2**22 + 1)  # of a runner that was killed
    pack(tmp_path)
    assert names(tmp_path) == {"records.jsonl.xz"}


def test_a_runner_of_this_process_is_a_runner_too(tmp_path: Path) -> None:
    write_five(tmp_path)
    with Leases(tmp_path) as leases:
        pack(tmp_path)  # it executes nothing
        write_five(tmp_path)
        assert leases.acquire("some-run")
        unchanged(tmp_path, "1 run in progress")


def test_a_record_that_is_written_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a runner that was suspended so long that its lease has expired."""
    records = write_five(tmp_path)
    newer = completed(records[1].spec, 9.0)

    def woken(path: Path) -> None:
        flush(path)
        written = write_record(tmp_path, newer)
        later = written.stat().st_mtime_ns + 1  # clocks of file systems are coarse
        os.utime(written, ns=(later, later))

    monkeypatch.setattr("harness.core.storage.record_files.flush", woken)
    pack(tmp_path)
    assert own_ids(tmp_path) == [newer.run_id]
    assert newer in list(read_records(tmp_path))


def test_a_suite_that_is_not_finished_is_packed_with_a_word(tmp_path: Path) -> None:
    write_five(tmp_path)
    suite = {
        "name": "s", "description": "", "task": "regression", "sizes": [10], "seeds": [0],
        "datasets": ["regression/diabetes"], "reducers": [{"name": "random"}],
        "learners": [{"name": "ridge"}],
    }  # fmt: skip
    write_suite(tmp_path, make_suite(suite, "given"))
    _, left = pack(tmp_path).lines()
    assert left == "not finished: 1 run left and 0 failed; `run` goes on from packed records too"
