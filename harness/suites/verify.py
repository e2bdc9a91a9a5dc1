"""Verification of a results folder: intact records, unchanged data and repeatable runs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.core.errors import InputError
from harness.core.presentation.text import counted
from harness.core.records import RunRecord, parse_record
from harness.core.storage.record_files import RecordFiles, own_ids, packed_path
from harness.execution.cache import cache_folder, damaged_entries
from harness.execution.local import ProcessExecutor
from harness.execution.status import failure_line
from harness.suites.keeping import kept_reduction
from harness.suites.run import perform
from harness.suites.trust import names_modules
from harness.tasks.kinds import source_hash

_ELSEWHERE: Final = (
    "{}: its set, made anew, is another one, as on another processor; repeated on the kept set"
)


@dataclass
class Verification:
    """What was verified, and the problems found."""

    records: list[RunRecord] = field(default_factory=list)
    datasets: int = 0
    reductions: int = 0  # number of cache entries
    repeated: list[str] = field(default_factory=list)  # run ids
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)  # differences that are the processor's
    unrepeatable: int = 0  # number of runs that name a module to import
    unsealed: int = 0  # number of records without a checksum

    @property
    def summary(self) -> str:
        """The counts, in one line."""
        unsealed = f" ({self.unsealed} of schema version 1, without a checksum)"
        without = unsealed if self.unsealed else ""
        cached = f"{counted(self.reductions, 'cached reduction')}, " if self.reductions else ""
        return (
            f"{counted(len(self.records), 'whole record')}{without}, {cached}"
            f"{counted(self.datasets, 'dataset')} hashed, "
            f"{counted(len(self.repeated), 'run')} repeated: "
            f"{counted(len(self.problems), 'problem')}{self._left_out}"
        )

    @property
    def _left_out(self) -> str:
        if not self.unrepeatable:
            return ""
        runs = counted(self.unrepeatable, "run")
        return f"; {runs} of module:Class left out: repeat them with --import-modules"


def verify(directory: Path, sample: int, import_modules: bool = False) -> Verification:
    """Check all records and datasets of a results folder, and repeat a random sample of its runs.

    Repeated runs make their reductions again; cached ones are only checked for damage. Where one
    is another set then, and the folder keeps the set that the run trained on, it is repeated on
    that one.

    Args:
        directory: The results folder.
        sample: Number of completed runs to repeat; all, if there are fewer.
        import_modules: Whether to repeat also runs whose records name a module to import, as
        ``module:Class``: the content of a file alone never causes an import.

    Raises:
        InputError: If there is no record, or ``sample`` is negative.
    """
    if sample < 0:
        raise InputError(f"sample {sample}: it must not be negative; give a number of runs")
    found = Verification()
    found.problems += _read_all(directory, found)
    entries = list(damaged_entries(cache_folder(directory)))
    found.problems += filter(None, entries)
    found.reductions = len(entries)
    completed = [record for record in found.records if record.result]
    trusted = [record for record in completed if import_modules or not names_modules(record.spec)]
    if len(trusted) < len(completed):
        found.unrepeatable = len(completed) - len(trusted)
    wrong = _check_datasets(trusted, found)
    usable = [record for record in trusted if _dataset_key(record) not in wrong]
    with ProcessExecutor(1) as executor:
        for record in random.SystemRandom().sample(usable, min(sample, len(usable))):
            found.repeated.append(record.run_id)
            again = executor.submit(perform, record.spec, None).result()
            if _differ_in_set(record, again):
                kept = kept_reduction(directory, record.spec)
                if kept:
                    found.remarks.append(_ELSEWHERE.format(record.run_id))
                    again = executor.submit(perform, record.spec, (None, kept)).result()
            found.problems += _compare(record, again)
    return found


def _differ_in_set(record: RunRecord, again: RunRecord) -> bool:
    """Whether a repeated run trained on another reduced set."""
    old, new = record.result, again.result
    return bool(old and new and old.reduction.content_hash != new.reduction.content_hash)


def _read_all(directory: Path, found: Verification) -> Iterator[str]:
    files = RecordFiles(directory)
    try:
        run_ids = files.filled_ids()
    except InputError as error:
        run_ids = own_ids(directory)
        if not packed_path(directory).exists():
            raise  # there is none
        yield str(error)
    for run_id in run_ids:
        try:
            stored = files.find(run_id)
            if stored is None:
                continue
            record = parse_record(stored)
        except InputError as error:
            yield str(error)
            continue
        found.records.append(record)
        found.unsealed += not stored.is_sealed
        names = {run_id, record.run_id, record.spec.run_id}
        if len(names) > 1:
            yield f"{stored.place} is the record of {record.spec.run_id}: it was copied or renamed"


DatasetKey = tuple[str, str, int | None]


def _dataset_key(record: RunRecord) -> DatasetKey:
    """Identify the data of a record's hash: in regression each seed has its own split."""
    spec = record.spec
    seed = spec.seed if spec.task == "regression" else None
    return spec.dataset, spec.full_reading.model_dump_json(), seed


def _check_datasets(completed: Sequence[RunRecord], found: Verification) -> set[DatasetKey]:
    """Hash each dataset as it is now, and return those that differ from the records."""
    current: dict[DatasetKey, str | None] = {}
    wrong = set()
    for record in completed:
        key, result = _dataset_key(record), record.result
        if key not in current:
            current[key] = _hash_or_problem(record, found)
        if result and current[key] not in (None, result.dataset.content_hash):
            found.problems.append(
                f"{record.run_id}: dataset {record.spec.dataset!r} had hash "
                f"{result.dataset.content_hash} and has {current[key]}"
            )
            wrong.add(key)
    found.datasets = len({dataset for dataset, *_ in current})
    return wrong | {key for key, value in current.items() if value is None}


def _hash_or_problem(record: RunRecord, found: Verification) -> str | None:
    try:
        return source_hash(record.spec)
    except (InputError, OSError) as error:
        found.problems.append(f"dataset {record.spec.dataset!r} cannot be opened: {error}")
        return None


def _compare(record: RunRecord, again: RunRecord) -> Iterator[str]:
    """Describe the differences of a repeated run."""
    if again.result is None:
        yield f"repeated {failure_line(again)}"
        return
    provenance = differences(record.provenance.versions, again.provenance.versions)
    hint = "".join(f"; version of {text}" for text in provenance)
    if record.provenance.cpu != again.provenance.cpu and _differ_in_set(record, again):
        hint += f"; made on {record.provenance.cpu}, where a search may end elsewhere"
    had_use = record.schema_version >= 5
    for text in differences(_comparable(record, had_use), _comparable(again, had_use)):
        yield f"{record.run_id}: repeated, {text}{hint}"


def _comparable(record: RunRecord, with_use: bool) -> dict[str, Any]:
    """Return what must be equal in a repeated run: all but times and provenance."""
    content = record.model_dump(mode="json")
    del content["result"]["seconds"]
    if not with_use:  # a record of before there was any
        content["result"].pop("use", None)
    return {name: content[name] for name in ("spec", "status", "result")}


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield the path and both values wherever two JSON values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{path}.{index}")
    elif old != new:
        yield f"{path} was {old!r} and is {new!r}"
