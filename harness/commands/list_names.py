"""The command `list`: the names of datasets, methods, learners, formats and suites."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from harness.commands.terminal import output
from harness.core.classes.registry import Registry
from harness.core.errors import unknown_name


def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(help="One kind, such as methods: what each of it is.", show_default=False),
    ] = None,
) -> None:
    """List the names of datasets, methods, labels, learners, formats and suites by kind."""
    kinds = _kinds()
    if kind is None:
        for title, entries in kinds.items():
            output.print(f"[bold]{title}[/bold]")
            output.print(_wrapped(entries), markup=False)
        output.print("`bellman-bench list KIND` says what each is")
        return
    if kind not in kinds:
        raise unknown_name("kind", kind, kinds)
    width = max(map(len, kinds[kind]))
    for name, description in kinds[kind].items():
        output.print(f"{name:<{width}} {description}".rstrip(), markup=False)


def _kinds() -> dict[str, dict[str, str]]:
    """By kind, each name with a line on what it is, which ids of datasets say themselves."""
    from envs.catalogue import embedded_dataset_ids
    from envs.loading import FORMATS
    from envs.regression.datasets import tabular_ids
    from harness.labels.builtin import LABELS, TEACHERS
    from harness.suites.loading import load_suite
    from harness.suites.shipped import shipped_suites
    from harness.tasks import builtin

    return {
        "datasets": dict.fromkeys(embedded_dataset_ids(), ""),
        "methods": dict(_summaries(builtin.REDUCERS)),
        "labels": {"recorded": "Rewards as recorded."} | dict(_summaries(LABELS)),
        "teachers": dict(_summaries(TEACHERS)),
        "learners": dict(_summaries(builtin.LEARNERS)),
        "formats": dict(_summaries(FORMATS)),
        "regression-datasets": dict.fromkeys(tabular_ids(), ""),
        "regression-methods": dict(_summaries(builtin.REGRESSION_REDUCERS)),
        "regression-learners": dict(_summaries(builtin.REGRESSION_LEARNERS)),
        "suites": {name: load_suite(name).description for name in sorted(shipped_suites())},
    }


def _wrapped(names: Iterable[str]) -> str:
    """Join names by commas, in lines that the terminal has room for."""
    return textwrap.fill(
        ", ".join(names),
        width=output.width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summaries(registry: Registry[Any]) -> Iterator[tuple[str, str]]:
    """Yield each name with the first line of its class's docstring."""
    for name, found in registry.classes():
        lines = (found.__doc__ or "").strip().splitlines() or [""]
        yield name, lines[0].replace("``", "")
