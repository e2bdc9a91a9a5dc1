"""Suites: which there are, and running one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from harness.errors import InputError, unknown_name
from harness.named_runs import check_names, check_runnable, execute_named
from harness.provenance import take_provenance
from harness.records import RunRecord
from harness.registry import input_error
from harness.runner import missing_runs, record_run, run_all
from harness.specs import Suite


def shipped_suites() -> dict[str, str]:
    """Names of the suites that come with the package, and their TOML."""
    folder = files("harness.suites")
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in found}


def load_suite(name_or_path: str) -> Suite:
    """Read a shipped suite by name, or a TOML file by path.

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
        return parse_suite(path.read_text(encoding="utf-8"), name_or_path)
    except UnicodeDecodeError as error:
        raise InputError(f"{name_or_path!r} is not UTF-8 text ({error}): save it as such") from None


def parse_suite(text: str, source: str) -> Suite:
    """Validate a suite's TOML, the names and parameters of its reducers and learners included.

    Raises:
        InputError: Naming ``source`` and the first offence.
    """
    try:
        suite = Suite.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"suite {source!r} is not TOML: {error}; correct it") from error
    except ValidationError as error:
        raise input_error(f"suite {source!r}", error) from error
    check_names(suite)
    return suite


def run_suite(
    suite: Suite | str,
    directory: Path | str,
    jobs: int = 1,
    watch: Callable[[int, Iterator[RunRecord]], Iterator[RunRecord]] | None = None,
) -> list[RunRecord]:
    """Run what a suite still lacks in a results folder.

    Args:
        suite: A suite, the name of a shipped one, or the path of a TOML file.
        directory: The results folder; records go to its ``records``.
        jobs: Processes.
        watch: Wraps the records as they come, given how many are due; for progress bars.

    Returns:
        The new records, failed ones included, in the order in which they ended.

    Raises:
        InputError: If the suite, a dataset or a size cannot be used; nothing has run then.
    """
    suite = load_suite(suite) if isinstance(suite, str) else suite
    if jobs < 1:
        raise InputError(f"jobs {jobs}: at least one process is needed; give 1 or more")
    directory = Path(directory)
    missing = missing_runs(list(suite.runs()), directory)
    if not missing:
        return []
    check_runnable(suite)
    work = partial(record_run, provenance=take_provenance(), execute=execute_named)
    records = run_all(missing, work, directory, min(jobs, len(missing)))
    return list(watch(len(missing), records) if watch else records)


__all__: list[str] = ["load_suite", "parse_suite", "run_suite", "shipped_suites"]
