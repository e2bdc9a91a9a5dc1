"""Records in a folder, in files of their own or packed, of runs that nobody has executed."""

from __future__ import annotations

import lzma
from pathlib import Path

from harness.core.records import Provenance, RunRecord, write_record
from harness.core.specs import RunSpec
from harness.core.storage import record_files
from harness.core.storage.record_files import packed_path
from tests.support.workers import result, run_spec

NOWHERE = Provenance(versions={}, commit=None, dirty=None, platform="", threads=1)


def completed(spec: RunSpec, value: float = 0.5) -> RunRecord:
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="completed",
        result=result(value),
        provenance=NOWHERE,
    )


def failed(spec: RunSpec, error: str = "ValueError: no") -> RunRecord:
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="failed",
        reason="exception",
        error=error,
        provenance=NOWHERE,
    )


def write_five(folder: Path) -> list[RunRecord]:
    """Write five completed runs, each to a file of its own."""
    records = [completed(run_spec("good", seed), seed + 0.1 + 0.2) for seed in range(5)]
    for record in records:
        write_record(folder, record)
    return records


def write_packed(folder: Path, *records: RunRecord) -> Path:
    """Write a packed file, with whatever was in it replaced, and remove no file."""
    ordered = sorted(records, key=lambda record: record.run_id)
    lines = [record.model_dump_json().encode() for record in ordered]
    record_files.write_packed(packed_path(folder), lines)
    return packed_path(folder)


def packed_text(folder: Path) -> bytes:
    """Return the lines of a packed file, and its seal, decompressed."""
    return lzma.decompress(packed_path(folder).read_bytes())


def put_packed_text(folder: Path, text: bytes) -> None:
    """Put a text in the place of the packed file's, whatever it says."""
    packed_path(folder).write_bytes(lzma.compress(text))
