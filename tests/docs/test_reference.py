"""The reference: what the code offers is in the pages, and what the pages say is so."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from harness.core.classes.registry import Registry
from harness.core.specs import Suite
from harness.labels import builtin as labels
from harness.tasks import builtin
from tests.support.commands import Command
from tests.support.web.pages import ROOT

REFERENCE = ROOT / "docs" / "reference"
sys.path.insert(0, str(ROOT / "docs" / "tools"))

from reference import GENERATED, TABLES  # noqa: E402


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GENERATED)
def test_pages_are_what_the_code_says(name: str) -> None:
    """If not, run ``python docs/tools/reference.py``."""
    assert f"<!-- begin {name} -->\n{GENERATED[name]()}<!-- end {name} -->" in page(name)


def test_every_option_that_help_shows_is_described(bench: Command) -> None:
    listed = re.findall(
        r"^[ │]*(\w+)  ", bench("--help").output.partition("Commands")[2], re.MULTILINE
    )
    assert {"list", "distill", "verify"} <= set(listed)
    for command in listed:
        section = page("commands").partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        for option in re.findall(r"--[a-z][a-z-]+", bench(command, "--help").output):
            assert option == "--help" or option in section, (command, option)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a value of a type may hold, at any depth."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation):
        yield from models_in(part)


@pytest.mark.parametrize("model", sorted(set(models_in(Suite)), key=str))
def test_every_key_of_a_suite_has_a_meaning(model: type[BaseModel]) -> None:
    (title,) = (title for title, (_, described) in TABLES.items() if described is model)
    section = page("suites").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    for key in model.model_fields:
        assert re.search(rf"^\| `{key}` \|.*\| \S.* \|$", section, re.MULTILINE), key


@pytest.mark.parametrize("module", [builtin, labels])
def test_every_class_that_is_listed_is_described(module: ModuleType) -> None:
    registries = [each for each in vars(module).values() if isinstance(each, Registry)]
    assert registries
    for name in {name for registry in registries for name in registry.builtin}:
        assert f"\n### {name}\n" in page("classes")


def test_the_guide_names_every_method() -> None:
    guide = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    for name in re.findall(r"^### (\S+)$", page("classes").split("## Learners")[0], re.MULTILINE):
        assert f"`{name}`" in guide
