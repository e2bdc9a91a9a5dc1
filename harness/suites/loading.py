"""Loading of suites: shipped ones by name, others from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from harness.core.classes.reading import AS_STORED, Reading
from harness.core.classes.registry import Registry
from harness.core.classes.specs import arm_suffix
from harness.core.classes.sweeps import default_label
from harness.core.errors import InputError, input_error, unknown_name
from harness.core.specs import Engine, Suite
from harness.suites.shipped import shipped_suites
from harness.tasks.kinds import TASKS, task_of


def load_suite(name_or_path: str) -> Suite:
    """Load a shipped suite by name, or a TOML file by path.

    Raises:
        InputError: If there is no such suite, or its text is not a valid suite.
    """
    shipped = shipped_suites()
    if name_or_path in shipped:
        return parse_suite(shipped[name_or_path], name_or_path)
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise unknown_name("suite", name_or_path, [*shipped, "a path ending in .toml"])
    if not path.is_file():
        raise InputError(f"no file {name_or_path!r}: give a shipped suite or an existing .toml")
    try:
        return parse_suite(path.read_text(encoding="utf-8-sig"), name_or_path)
    except UnicodeDecodeError as error:
        raise InputError(f"{name_or_path!r} is not UTF-8 ({error}): save it as UTF-8") from None


def parse_suite(text: str, source: str) -> Suite:
    """Validate a suite's TOML, including the names and parameters of reducers and learners.

    Raises:
        InputError: If it is invalid; the message names ``source`` and the first error.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"suite {source!r} is not TOML: {error}; correct it") from error
    return make_suite(values, source)


def make_suite(values: Mapping[str, Any], source: str) -> Suite:
    """Validate a suite's values; see `parse_suite`.

    A reducer or learner given as ``module:Class`` without a label is labelled by its class's
    ``name``, for which the module is imported.
    """
    task = TASKS.get(values.get("task", "control"))
    labelled: dict[str, Any] = {}
    if task is not None:
        for key, registry in (("reducers", task.reducers), ("learners", task.learners)):
            if isinstance(values.get(key), list | tuple):
                labelled[key] = [_with_own_name(entry, registry) for entry in values[key]]
    try:
        suite = Suite.model_validate({**values, **labelled})
    except ValidationError as error:
        raise input_error(f"suite {source!r}", error) from error
    task_of(suite).check_names(suite)
    return suite


def as_read(suite: Suite, reading: Reading) -> Suite:
    """Return a suite of one dataset that is read otherwise; what the reading leaves out stays.

    Raises:
        InputError: If it has several datasets, its task is regression, or what is said contradicts
            itself.
    """
    said = reading.model_dump()
    if len(suite.datasets) > 1 or suite.task != "control":
        raise InputError(
            f"{', '.join(f'{key} {value!r}' for key, value in said.items())} for "
            f"{len(suite.datasets)} datasets of {suite.task}: this works only for suites of one "
            "control dataset; say it of each dataset in the suite, as datasets = [{ id = …, "
            "environment = …, actions = … }]"
        )
    dataset = suite.datasets[0]
    before = suite.readings.get(dataset, AS_STORED).model_dump()
    values = suite.model_dump() | {"datasets": [{"id": dataset, **before, **said}]}
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        raise input_error(f"suite {suite.name!r}", error) from error


def with_engine(suite: Suite, engine: str) -> Suite:
    """Return a suite whose networks another engine trains, where learners do not name their own.

    Raises:
        InputError: If there is no such engine, or the task is regression, which has none.
    """
    if engine not in get_args(Engine):
        raise unknown_name("engine", engine, get_args(Engine))
    if suite.task != "control":
        raise InputError(
            f"engine {engine!r} for suite {suite.name!r}: regression trains no networks by an "
            "engine; leave it out"
        )
    return suite.model_copy(update={"engine": engine})


def _with_own_name(entry: Any, registry: Registry[Any]) -> Any:
    table = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(table, dict) or table.get("label") or ":" not in str(table.get("name")):
        return entry
    label, sweep = registry.find(str(table["name"])).name, table.get("sweep")
    swept = default_label(label, sweep) if isinstance(sweep, dict) else label
    return {**table, "label": swept + arm_suffix(table)}
