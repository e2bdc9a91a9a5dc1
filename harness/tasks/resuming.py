"""Checks that existing records and pending runs use the same data and parameters."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.core.specs import Suite
from harness.tasks.base import model_key
from harness.tasks.kinds import task_of


def check_same_data(suite: Suite, records: Iterable[RunRecord]) -> None:
    """Check that existing records were made from the suite's datasets as they are now.

    Raises:
        InputError: Naming the first record of other data, or of another environment.
    """
    task = task_of(suite)
    for record in records:
        spec, result = record.spec, record.result
        if result is None or spec.task != suite.task or spec.dataset not in suite.datasets:
            continue
        mine = spec.model_copy(update=suite.said_of(spec.dataset))
        source = task.open(mine)  # as the suite says: a record's environment imports nothing
        then, now = result.dataset.content_hash, task.hash(source, spec.seed)
        if then != now:
            raise InputError(
                f"dataset {spec.dataset!r} has hash {now}, but record {record.run_id} was made on "
                f"data with hash {then}: results on two versions of a dataset cannot share a "
                "folder; choose another --results or restore the old data"
            )
        old, new = result.dataset.environment, task.environment(source)
        if old != new:
            raise InputError(
                f"dataset {spec.dataset!r} is of the environment {str(new)!r}, but record "
                f"{record.run_id} was evaluated in {str(old)!r}: results in two environments "
                "cannot share a folder; choose another --results"
            )


def check_same_parameters(suite: Suite, records: Iterable[RunRecord]) -> None:
    """Check that existing records have the suite's parameters, including unchanged defaults.

    Parameters that the suite itself sets are compared in `pending_runs`. Parameters that were
    added or removed since a record was made are not compared.

    Raises:
        InputError: Naming the first differing record and parameter, or a name or parameter of the
        suite that cannot be used.
    """
    models = task_of(suite).models(suite)
    now = {key: model.model_dump(mode="json") for key, model in models.items()}
    for record in records:
        if record.result is None:
            continue
        for spec, then in (
            (record.spec.reducer, record.result.reduction.parameters),
            (record.spec.learner, record.result.learner_parameters),
        ):
            made = now.get(model_key(spec), {})
            for name in sorted(made.keys() & then.keys()):
                if made[name] != then[name]:
                    raise InputError(
                        f"{spec.label!r} now has {name} = {made[name]!r}, but record "
                        f"{record.run_id} was made with {then[name]!r}: two protocols cannot share "
                        f"a folder; set {name} in the suite or choose another --results"
                    )
