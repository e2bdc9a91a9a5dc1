"""Packed records: every byte is under the seal, and a run's own file wins over its line."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import write_tables
from harness.core.errors import InputError
from harness.core.records import (
    RunRecord,
    read_present_records,
    read_record,
    read_records,
    write_record,
)
from harness.core.storage import record_files
from harness.core.storage.record_files import RecordFiles, packed_path, read_packed, record_path
from harness.core.storage.sealed_lines import compact, seal_lines, unseal_lines
from harness.execution.runner import pending_runs
from harness.execution.status import read_status, write_suite
from harness.suites.loading import make_suite
from harness.suites.packing import pack
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

texts = st.text() | st.sampled_from(['"', "\\", '\\"', " : ", "\n", "\u2028", "a , b"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=6,
)
objects = st.dictionaries(texts, values)


@given(objects, st.sampled_from([None, 0, 1, 4, "\t"]), st.booleans())
def test_compact_json_says_the_same_on_one_line(
    value: dict[str, object], indent: int | str | None, ascii_alone: bool
) -> None:
    spread = json.dumps(value, indent=indent, ensure_ascii=ascii_alone)
    line = compact(spread.encode())
    assert b"\n" not in line
    assert line.decode() == json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_alone)


def test_numbers_stay_as_they_are_written() -> None:
    numbers = b"[1e5, 0.00001, 1E+2, -0.0, 5e-324, 0.1000000000000000055511151231257827]"
    assert compact(numbers) == numbers.replace(b" ", b"")


@settings(max_examples=50)
@given(st.lists(objects, max_size=5))
def test_sealed_lines_are_read_back_and_are_plain_json_lines(
    found: list[dict[str, object]],
) -> None:
    lines = [json.dumps(value).encode() for value in found]
    content = seal_lines(lines)
    assert unseal_lines(content) == lines
    *again, seal = map(json.loads, content.decode().splitlines())
    assert again == found
    assert seal["records"] == len(found)


@pytest.fixture
def packed(tmp_path: Path) -> list[RunRecord]:
    """Five packed records, in ``tmp_path``."""
    records = [completed(run_spec("good", seed), seed + 0.1 + 0.2) for seed in range(5)]
    write_packed(tmp_path, *records)
    return records


def test_packed_records_are_read_as_those_in_files_of_their_own(
    tmp_path: Path, packed: list[RunRecord]
) -> None:
    assert list(read_records(tmp_path)) == packed
    own = write_five(tmp_path / "own")
    assert own == list(read_records(tmp_path / "own")) == packed
    for path in write_tables(tmp_path / "own"):
        (other,) = [found for found in write_tables(tmp_path) if found.name == path.name]
        assert path.read_bytes() == other.read_bytes()


def changed_at(whole: bytes, position: int) -> bytes:
    changed = bytearray(whole)
    changed[position] ^= 0x20 if position % 2 else 0x01  # another case, or another digit
    return bytes(changed)


def test_every_changed_byte_and_every_missing_end_is_found(
    tmp_path: Path, packed: list[RunRecord]
) -> None:
    write_packed(tmp_path, *packed[:2])
    whole = packed_text(tmp_path)
    for position in range(len(whole)):
        for changed in (changed_at(whole, position), whole[:position], whole[position + 1 :]):
            with pytest.raises(ValueError, match=r"^its |^it has "):
                unseal_lines(changed)


def test_a_changed_file_is_named_with_what_to_do(tmp_path: Path, packed: list[RunRecord]) -> None:
    path = packed_path(tmp_path)
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        longer = whole + whole[: position + 1]
        for changed in (changed_at(whole, position), whole[:position], longer):
            path.write_bytes(changed)
            with pytest.raises(InputError, match=r"records\.jsonl.*restore that file, as from git"):
                read_packed(path)
    path.write_bytes(whole)
    assert list(read_records(tmp_path)) == packed


def _without_a_line(lines: list[bytes]) -> bytes:
    return b"\n".join(lines[:1] + lines[2:])


def _with_a_line_more(lines: list[bytes]) -> bytes:
    return b"\n".join([*lines, lines[0], b""])


CHANGES: dict[str, Callable[[list[bytes]], bytes]] = {
    "empty": lambda _: b"",
    "a line is missing": _without_a_line,
    "a line more": _with_a_line_more,
    "an empty line": lambda lines: b"\n".join([*lines, b""]),
    "no seal": lambda lines: b"\n".join(lines[:-2]) + b"\n",
    "twice": lambda lines: b"\n".join(lines) * 2,
    "windows": lambda lines: b"\r\n".join(lines),
    "sealed with no lines": lambda _: seal_lines([b""]),
    "sealed in another order": lambda lines: seal_lines(lines[-3::-1]),
    "sealed with one twice": lambda lines: seal_lines([lines[0], *lines[:-2]]),
    "sealed without an id": lambda _: seal_lines([b"{}"]),
    "sealed with a list": lambda _: seal_lines([b"[]"]),
    "sealed with no JSON": lambda _: seal_lines([b"run"]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("packed")
def test_a_changed_file_is_named_by_whatever_reads_it(tmp_path: Path, change: str) -> None:
    put_packed_text(tmp_path, CHANGES[change](packed_text(tmp_path).split(b"\n")))
    specs = [run_spec("good", seed) for seed in range(5)]
    reducers, learners = [{"name": "full"}], [{"name": "ridge"}]
    suite = {"name": "s", "description": "", "task": "regression", "sizes": [10], "seeds": [0]}
    suite |= {"datasets": ["regression/diabetes"], "reducers": reducers, "learners": learners}
    write_suite(tmp_path, make_suite(suite, "given"))
    readers: list[Callable[[Path], object]] = [
        read_records,
        read_present_records,
        write_tables,
        partial(pending_runs, specs),
        read_status,
    ]
    for read in readers:
        with pytest.raises(InputError, match=r"records\.jsonl"):
            read(tmp_path)


@pytest.mark.parametrize("line", ["newer", "extra", "no result"])
def test_a_line_that_is_no_record_is_named(
    tmp_path: Path, packed: list[RunRecord], line: str
) -> None:
    content = json.loads(packed[0].model_dump_json())
    changed = {
        "newer": content | {"schema_version": 99},
        "extra": content | {"sha256": "0" * 64},
        "no result": content | {"result": {}},
    }[line]
    put_packed_text(tmp_path, seal_lines([json.dumps(changed).encode()]))
    with pytest.raises(InputError, match=rf"line of {packed[0].run_id} in .*records\.jsonl"):
        list(read_records(tmp_path))


def test_a_runs_own_file_wins_over_its_line(tmp_path: Path, packed: list[RunRecord]) -> None:
    newer = completed(packed[1].spec, 7.0)
    write_record(tmp_path, newer)
    write_record(tmp_path, completed(run_spec("another")))
    found = {record.run_id: record for record in read_records(tmp_path)}
    assert len(found) == len(list(read_records(tmp_path))) == 6
    assert list(found) == sorted(found)
    assert found[newer.run_id] == newer
    assert found[packed[0].run_id] == packed[0]


@pytest.mark.parametrize("path", sorted(DATA.glob("record-*.json")), ids=lambda path: path.stem)
def test_records_of_every_schema_version_are_read_from_lines(path: Path, tmp_path: Path) -> None:
    record = read_record(path)
    own = record_path(tmp_path, record.run_id)
    own.parent.mkdir()
    own.write_bytes(path.read_bytes())
    stored = RecordFiles(tmp_path).find(record.run_id)
    assert stored is not None
    put_packed_text(tmp_path, seal_lines([stored.line]))
    own.unlink()
    assert list(read_records(tmp_path)) == [record]
    content = json.loads(path.read_bytes())
    content.pop("sha256", None)
    assert json.dumps(content) == json.dumps(json.loads(stored.line))


@pytest.mark.parametrize(
    ("name", "encode", "decode"),
    [("records.jsonl", bytes, bytes), ("records.jsonl.gz", gzip.compress, gzip.decompress)],
)
def test_a_packed_file_keeps_the_form_that_it_has(
    tmp_path: Path,
    packed: list[RunRecord],
    name: str,
    encode: Callable[[bytes], bytes],
    decode: Callable[[bytes], bytes],
) -> None:
    first, other = packed_path(tmp_path), tmp_path / name
    other.write_bytes(encode(packed_text(tmp_path)))
    with pytest.raises(
        InputError, match=rf"both records\.jsonl\.xz and {name}: .*remove the other"
    ):
        read_records(tmp_path)
    first.unlink()
    assert list(read_records(tmp_path)) == packed
    write_record(tmp_path, completed(run_spec("another")))
    pack(tmp_path)
    assert not first.exists()
    lines = decode(other.read_bytes()).splitlines()
    assert len(lines) == len(list(read_records(tmp_path))) + 1 == 7


def test_the_packed_file_is_read_once_and_again_when_it_is_replaced(
    tmp_path: Path, packed: list[RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counting(path: Path) -> dict[str, bytes]:
        read.append(path)
        return read_packed(path)

    monkeypatch.setattr(record_files, "read_packed", counting)
    files = RecordFiles(tmp_path)
    for record in packed:
        assert files.find(record.run_id) is not None
        assert files.has_another(record.run_id, None)
        assert not files.has_another("other", None)
    assert len(read) == 1
    write_packed(tmp_path, *packed, completed(run_spec("other")))
    assert files.has_another(run_spec("other").run_id, None)
    assert len(read) == 2
    packed_path(tmp_path).unlink()
    assert files.find(packed[0].run_id) is None


class TestWhetherAnotherRunnerHasDoneIt:
    """What a runner sees of a run that it listed as pending, in whichever form records are."""

    spec = run_spec("good")
    before = failed(spec)
    after = completed(spec)

    def known(self, folder: Path) -> tuple[RecordFiles, record_files.StoredRecord | None]:
        files = RecordFiles(folder)
        return files, files.find(self.spec.run_id)

    def pack(self, folder: Path, record: RunRecord) -> None:
        write_packed(folder, record)
        record_path(folder, record.run_id).unlink(missing_ok=True)

    def test_a_run_without_a_record(self, tmp_path: Path) -> None:
        files, known = self.known(tmp_path)
        assert known is None
        assert not files.has_another(self.spec.run_id, known)
        write_record(tmp_path, self.after)
        assert files.has_another(self.spec.run_id, known)
        self.pack(tmp_path, self.after)
        assert files.has_another(self.spec.run_id, known)

    @pytest.mark.parametrize("form", ["own", "packed"])
    def test_a_failed_run_to_repeat(self, tmp_path: Path, form: str) -> None:
        write_record(tmp_path, self.before)
        if form == "packed":
            self.pack(tmp_path, self.before)
        files, known = self.known(tmp_path)
        assert known is not None
        assert not files.has_another(self.spec.run_id, known)
        self.pack(tmp_path, self.before)
        assert not files.has_another(self.spec.run_id, known)
        write_record(tmp_path, self.after)
        assert files.has_another(self.spec.run_id, known)
        self.pack(tmp_path, self.after)
        assert files.has_another(self.spec.run_id, known)

    @pytest.mark.parametrize("form", ["own", "packed"])
    def test_a_failed_run_that_was_repeated_and_failed_alike(
        self, tmp_path: Path, form: str
    ) -> None:
        write_record(tmp_path, self.before)
        if form == "packed":
            self.pack(tmp_path, self.before)
        files, known = self.known(tmp_path)
        path = write_record(tmp_path, self.before)
        later = path.stat().st_mtime_ns + 1  # clocks of file systems are coarse
        os.utime(path, ns=(later, later))
        assert files.has_another(self.spec.run_id, known)

    def test_a_record_that_was_removed_by_hand(self, tmp_path: Path) -> None:
        path = write_record(tmp_path, self.before)
        files, known = self.known(tmp_path)
        path.unlink()
        assert not files.has_another(self.spec.run_id, known)
