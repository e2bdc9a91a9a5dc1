"""The reference pages, made of the code: commands, keys of suites, parameters of classes.

    python docs/tools/reference.py

Each page keeps what is written by hand, and has the generated part between marks. What a field
means stands in the comment beside it in the code.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter
from typer.models import ArgumentInfo, OptionInfo

from envs.loading import FORMATS
from harness.analysis import embed
from harness.cli import COMMANDS
from harness.commands.list_names import list_names
from harness.core.classes.reading import Reading
from harness.core.classes.registry import Registry
from harness.core.classes.specs import LabelsSpec, TeacherSpec
from harness.core.specs import CodebookSpec, Suite, SuiteLearner, SuiteReducer
from harness.labels.builtin import LABELS, TEACHERS
from harness.tasks import builtin

OURS = ("harness", "envs", "baselines")
PAGES = Path(__file__).parents[1] / "reference"
TABLES: dict[str, tuple[str, type[BaseModel]]] = {
    "The suite": ("The keys of the file itself.", Suite),
    "A dataset": (
        "An entry of `datasets`, `{ id = …, actions = … }`, has these keys beside its `id`; an id "
        "alone will do.",
        Reading,
    ),
    "A reducer": ("An entry of `[[reducers]]`; a name alone will do.", SuiteReducer),
    "A learner": ("An entry of `[[learners]]`; a name alone will do.", SuiteLearner),
    "Labels": ("`labels` of a reducer, and `distill --labels`; a name alone will do.", LabelsSpec),
    "A teacher": ("`teacher` of labels; a name alone will do.", TeacherSpec),
    "A codebook": ("`codebook` of a suite.", CodebookSpec),
}
REGISTRIES: dict[str, Registry[Any]] = {
    "Methods": builtin.REDUCERS,
    "Learners": builtin.LEARNERS,
    "Labels": LABELS,
    "Teachers": TEACHERS,
    "Regression methods": builtin.REGRESSION_REDUCERS,
    "Regression learners": builtin.REGRESSION_LEARNERS,
}
TYPES = {"string": "text", "number": "number", "integer": "integer", "boolean": "true or false"}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def commands() -> str:
    """Describe every command with its arguments and options."""
    named = {"list": list_names} | {command.__name__: command for command in COMMANDS}
    return "\n".join(_command(name, command) for name, command in named.items())


def suite_keys() -> str:
    """Describe every key of a suite's TOML."""
    return "\n".join(
        f"## {title}\n\n{place}\n\n{_fields(model)}" for title, (place, model) in TABLES.items()
    )


def classes() -> str:
    """Describe every class that comes with the package, with its parameters."""
    parts = []
    for title, registry in REGISTRIES.items():
        parts.append(f"## {title}\n")
        parts += [f"### {name}\n\n{_described(found)}" for name, found in registry.classes()]
    lines = [f"| `{name}` | {_first_line(found)} |\n" for name, found in FORMATS.classes()]
    return "\n".join([*parts, f"## Formats\n\n| format | reads |\n| --- | --- |\n{''.join(lines)}"])


GENERATED: dict[str, Callable[[], str]] = {
    "commands": commands,
    "suites": suite_keys,
    "classes": classes,
}


def _command(name: str, command: Callable[..., None]) -> str:
    parameters = inspect.signature(command).parameters.values()
    hints = get_type_hints(command, include_extras=True)
    rows, usage = [], ["bellman-bench", name]
    for parameter in parameters:
        kind, info = get_args(hints[parameter.name])
        given = _spelling(parameter.name, info)
        required = parameter.default is inspect.Parameter.empty
        if required or isinstance(info, ArgumentInfo):
            usage.append(f"{given} {parameter.name.upper()}" if given[0] == "-" else given)
        value = "" if kind is bool else _value(TypeAdapter(kind).json_schema())
        default = "required" if required else "" if kind is bool else _default(parameter.default)
        rows.append(f"| `{given}` | {value} | {default} | {_cell(info.help or '')} |\n")
    head = f"## {name}\n\n{inspect.getdoc(command)}\n\n```text\n{' '.join(usage)}\n```\n"
    table = f"\n| given | value | default | meaning |\n| --- | --- | --- | --- |\n{''.join(rows)}"
    return head + table if rows else head


def _spelling(name: str, info: ArgumentInfo | OptionInfo) -> str:
    if isinstance(info, ArgumentInfo):
        return str(info.metavar or name.upper())
    spellings = (info.default, *(info.param_decls or ()))  # typer takes a first name for a default
    named = (word for word in spellings if isinstance(word, str) and word.startswith("--"))
    return next(named, f"--{name.replace('_', '-')}")


def _described(found: type[BaseModel]) -> str:
    text = _prose(inspect.getdoc(found) or "")
    return f"{text}\n\n{_fields(found)}" if found.model_fields else f"{text}\n"


def _first_line(found: type) -> str:
    return _cell(_prose((inspect.getdoc(found) or "").partition("\n\n")[0]))


def _prose(docstring: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", docstring, flags=re.DOTALL)


def _fields(model: type[BaseModel]) -> str:
    schema = model.model_json_schema(mode="validation")
    required, meanings = schema.get("required", []), dict(_comments(model))
    rows = []
    for name, field in model.model_fields.items():
        made = field.get_default(call_default_factory=True)
        default = "required" if name in required else _default(made)
        value = _value(schema["properties"][name])
        meaning = _cell(_prose(meanings.get(name, "")))
        rows.append(f"| `{name}` | {value} | {default} | {meaning} |\n")
    return f"| key | value | default | meaning |\n| --- | --- | --- | --- |\n{''.join(rows)}"


def _comments(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each field with the comment at the end of its line, base classes first."""
    for base in reversed(model.__mro__):
        is_ours = base.__module__.split(".")[0] in OURS
        if is_ours and "[" not in base.__name__:  # filled in, it has no lines
            source = inspect.getsource(base)
            (definition,) = ast.parse(source).body
            yield from _commented(cast(ast.ClassDef, definition), source.splitlines())


def _commented(definition: ast.ClassDef, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for field in definition.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            _, _, comment = lines[(field.end_lineno or 1) - 1].partition("  # ")
            if comment:
                yield field.target.id, comment


def _value(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a value may be."""
    if "anyOf" in schema:
        kinds = [_value(kind) for kind in schema["anyOf"] if kind.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of: {_value(schema.get('items', {}))}"
    limits = [f"{sign} {schema[key]:g}" for key, sign in BOUNDS.items() if key in schema]
    if schema.get("format") == "path":
        return "path"
    return " ".join([TYPES.get(str(schema.get("type")), "table"), *limits])


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}, ()):
        return ""
    if isinstance(value, BaseModel):
        return f"`{getattr(value, 'name', value)}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the generated part of every page in place."""
    for name, make in GENERATED.items():
        embed(PAGES / f"{name}.md", name, make())


if __name__ == "__main__":
    main()
