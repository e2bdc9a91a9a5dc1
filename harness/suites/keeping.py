"""Keeping of the sets that the runs of a results folder trained on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.records import RunRecord, read_records
from harness.core.reduction import Reducer, Reduction
from harness.core.specs import RunSpec
from harness.execution.cache import cache_folder, set_key
from harness.execution.kept_sets import KeptSet, find_set, write_sets
from harness.execution.worker_pool import reduction_identity
from harness.suites.trust import names_modules
from harness.tasks.kinds import task_of
from harness.tasks.teachers.fitting import teachers_kept_in


def keep_sets(directory: Path, arms: Collection[str], import_modules: bool = False) -> int:
    """Add the sets of some arms of a results folder to its ``sets.zip``.

    They are read from the folder's cache, or made again where it lacks them.

    Args:
        directory: A results folder.
        arms: Labels of the arms whose sets are kept.
        import_modules: Whether records may name a module to import, as ``module:Class``.

    Returns:
        The number of sets that the folder keeps.

    Raises:
        InputError: If no arm is named, one has no record of a completed run or names a module
            without leave, or a set is not the one that its record names, as when it was made on
            another processor; nothing is written then.
    """
    records = [record for record in read_records(directory) if record.result]
    known = {record.spec.reducer.label for record in records}
    for arm in arms or [""]:
        if arm not in known:
            raise InputError(
                f"arm {arm!r} has no completed run in {str(directory)!r}: choose from "
                f"{', '.join(sorted(known))}"
            )
    chosen = [record for record in records if record.spec.reducer.label in arms]
    if not import_modules and any(names_modules(record.spec) for record in chosen):
        raise InputError(
            f"records of {str(directory)!r} name a module to import, which the content of a file "
            "alone never causes: if you trust them, add --import-modules"
        )
    shared = {reduction_identity(record.spec): record for record in chosen}
    return write_sets(directory, (_kept(record, directory) for record in shared.values()))


def kept_reduction(directory: Path, spec: RunSpec) -> Reduction[Any] | None:
    """Return the set that a results folder keeps of a run; None if there is none."""
    return find_set(directory, *_ingredients(spec), spec.seed)


def _kept(record: RunRecord, directory: Path) -> KeptSet:
    spec, task, cache = record.spec, task_of(record.spec), cache_folder(directory)
    with teachers_kept_in(cache):
        made = task.reduce(spec, task.open(spec), cache)
    if record.result and made.rows.content_hash() != record.result.reduction.content_hash:
        raise InputError(
            f"the set of {spec.run_id} is not in {str(cache)!r}, and made again it is another one, "
            "as on another processor: keep sets where the suite was run"
        )
    key = set_key(*_ingredients(spec), spec.seed)
    if key is None:
        raise InputError(
            f"the set of {spec.run_id} cannot be kept, for the code of its method is in no file: "
            "write it to a module"
        )
    return KeptSet(spec.set_id, key, made)


def _ingredients(spec: RunSpec) -> tuple[Reducer[Any], Any, int]:
    """Return what the reduction of a run is made of: the reducer, the rows, and the size."""
    task = task_of(spec)
    rows = task.arm_rows(spec.reducer, task.open(spec), spec.seed)
    return task.make_reducer(spec.reducer, spec.discount), rows, spec.size or len(rows)
