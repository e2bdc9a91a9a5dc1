"""The command `list`: the names of datasets, methods, learners, formats and suites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.commands.terminal import output
from harness.core.classes.registry import Registry


def list_names() -> None:
    """List datasets, methods, labels, teachers, learners, metrics, formats and suites."""
    from envs.catalogue import classic_dataset_ids
    from envs.loading import FORMATS
    from envs.regression.datasets import tabular_ids
    from harness.labels.builtin import LABELS, TEACHERS
    from harness.suites.loading import load_suite, shipped_suites
    from harness.tasks import builtin

    sections = {
        "datasets": dict.fromkeys(classic_dataset_ids(), ""),
        "methods": dict(_summaries(builtin.REDUCERS)),
        "labels": {"recorded": "Rewards as recorded."} | dict(_summaries(LABELS)),
        "teachers": dict(_summaries(TEACHERS)),
        "learners": dict(_summaries(builtin.LEARNERS)),
        "formats": dict(_summaries(FORMATS)),
        "regression datasets": dict.fromkeys(tabular_ids(), ""),
        "regression methods": dict(_summaries(builtin.REGRESSION_REDUCERS)),
        "regression learners": dict(_summaries(builtin.REGRESSION_LEARNERS)),
        "suites": {name: load_suite(name).description for name in sorted(shipped_suites())},
    }
    for title, entries in sections.items():
        output.print(f"[bold]{title}[/bold]")
        width = max(map(len, entries))
        for name, description in entries.items():
            output.print(f"  {name:<{width}} {description}".rstrip(), markup=False)


def _summaries(registry: Registry[Any]) -> Iterator[tuple[str, str]]:
    """Yield each name with the first line of its class's docstring."""
    for name, found in registry.classes():
        lines = (found.__doc__ or "").strip().splitlines() or [""]
        yield name, lines[0].replace("``", "")
