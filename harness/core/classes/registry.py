"""Look-up of classes by name: built-in, `module:Class`, or an entry point."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from harness.core.errors import InputError, blaming, input_error, is_own, unknown_name
from harness.core.rows import Rows

LABEL_PATTERN: Final = r"^[a-z0-9][a-z0-9.+-]{0,47}$"
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)

ClassT = TypeVar("ClassT", bound=type)
Listed = type | str  # a class, or a reference to one that is imported when needed


@dataclass(frozen=True, eq=False)
class Registry(Generic[ClassT]):
    """The classes of one kind, by name."""

    kind: str  # its name in messages: method, learner, …
    groups: tuple[str, ...]  # of entry points, such as bellman_bench.reducers
    bases: tuple[type, ...]  # a class must be a subclass of one of these
    builtin: Mapping[str, Listed]
    rows: type[Rows] | None = None  # that a class must work on; None: any
    others: tuple[str, ...] = ()  # names that may be given and stand for no class

    def find(self, name: str) -> ClassT:
        """Return the class of a name.

        Args:
            name: The name of a built-in class, ``module:Class`` where ``module`` can be imported or
            is in the working directory, or the name of an entry point.

        Raises:
            InputError: If there is no such class, or it is not of this kind.
        """
        listed = self.builtin.get(name)
        if listed is not None:
            return import_class(listed, self.kind) if isinstance(listed, str) else listed  # type: ignore[return-value]
        if ":" in name:
            return self._checked(import_class(name, self.kind), name)
        for group in self.groups:
            if name in _entry_points(group):
                return self._checked(_load(_entry_points(group)[name], self.kind), name)
        raise unknown_name(self.kind, name, [*self.others, *self.names(), "module:Class"])

    def check(self, found: type) -> None:
        """Check that a class is of this kind.

        Raises:
            InputError: If not; it names the class, the rule and the remedy.
        """
        self._checked(found, f"{found.__module__}:{found.__qualname__}")

    def names(self) -> list[str]:
        """List the names of built-in classes, then those of entry points."""
        offered = (name for group in self.groups for name in _entry_points(group))
        return [*self.builtin, *(name for name in offered if name not in self.builtin)]

    def classes(self) -> Iterator[tuple[str, ClassT]]:
        """Yield every name with its class, without entry points that cannot be used."""
        for name in self.names():
            try:
                yield name, self.find(name)
            except InputError:
                if name in self.builtin:
                    raise

    def make(self, name: str, parameters: Mapping[str, Any], **shared: Any) -> Any:
        """Build an object of a named class with the given parameters.

        Args:
            name: As for `find`.
            parameters: Parameters of the class.
            shared: Further parameters, passed on to classes that have them; None is left out.

        Raises:
            InputError: If the name or a parameter is unknown, or a value breaks its rule.
        """
        found: Any = self.find(name)
        fields = found.model_fields
        for key in parameters:
            if key not in fields:
                raise unknown_name(f"parameter of {self.kind} {name!r}:", key, fields or ["none"])
        known = {key: value for key, value in shared.items() if key in fields and value is not None}
        rule = "it takes its parameters as fields; correct the class"
        with blaming(f"{self.kind} {name!r} cannot be made", rule):
            try:
                return found.model_validate({**known, **parameters})
            except ValidationError as error:
                raise input_error(f"{self.kind} {name!r}", error) from error

    def _checked(self, found: object, name: str) -> ClassT:
        """Return an object if it is a class of this kind.

        Raises:
            InputError: If not; it names the class, the rule and the remedy.
        """
        wanted = " or ".join(f"{base.__module__}.{base.__name__}" for base in self.bases)
        if not (inspect.isclass(found) and issubclass(found, self.bases)):
            raise InputError(
                f"{self.kind} {name!r} is not a subclass of {wanted}: derive it from that"
            )
        missing = sorted(getattr(found, "__abstractmethods__", ()))
        if missing:
            raise InputError(
                f"{self.kind} {name!r} lacks {', '.join(missing)}, which {wanted} requires: "
                "implement it"
            )
        own = getattr(found, "name", None)
        if not (isinstance(own, str) and re.fullmatch(LABEL_PATTERN, own)):
            raise InputError(
                f"{self.kind} {name!r} has the name {own!r}: it must be at most 48 small letters, "
                "digits, '.', '+' and '-', as in name: ClassVar[str] = 'my-method'; give it one"
            )
        if own in {*self.builtin, *self.others} and not is_own(found):
            raise InputError(
                f"{self.kind} {name!r} calls itself {own!r}, as one that comes with the package "
                "does: choose another name"
            )
        self._check_rows(found, name)
        return found  # type: ignore[return-value]

    def _check_rows(self, found: type, name: str) -> None:
        row_type = getattr(found, "row_type", None)
        works_on = row_type() if row_type else None
        if self.rows is not None and works_on not in (None, self.rows):
            raise InputError(
                f"{self.kind} {name!r} works on {works_on.__name__}, but the data here are "
                f"{self.rows.__name__}: choose another, or derive it from their base class"
            )


def import_class(reference: str, kind: str) -> Any:
    """Import ``module:Class``; the working directory is searched last.

    Args:
        reference: The module and the class, which may be inside another: ``module:Outer.Inner``.
        kind: What the class should be, for error messages.

    Raises:
        InputError: If the module cannot be imported or has no such name.
    """
    if not _REFERENCE.fullmatch(reference):
        raise InputError(f"{kind} {reference!r}: the rule is module:Class, such as mine:EveryNth")
    module_name, _, path = reference.partition(":")
    found: Any = import_module_of(module_name, kind, reference)
    for part in path.split("."):
        if not hasattr(found, part):
            raise unknown_name(f"class of {module_name}:", part, _class_names(found))
        found = getattr(found, part)
    return found


def import_module_of(module_name: str, kind: str, reference: str) -> ModuleType:
    """Import a module that the user has named; the working directory is searched last.

    Args:
        module_name: The module.
        kind: What is imported from it, for error messages.
        reference: The user's reference to it, for error messages.

    Raises:
        InputError: If the module cannot be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # child processes inherit it
    rule = f"it must be installed or be in {here!r}; correct the name or the module"
    with blaming(f"{kind} {reference!r}: module {module_name} cannot be imported", rule):
        return import_module(module_name)


def reference_to(found: type) -> str:
    """Return the name by which other processes can import a class; inverse of `Registry.find`.

    Raises:
        InputError: If no other process can import it.
    """
    found = getattr(found, "__pydantic_generic_metadata__", {}).get("origin") or found
    module = found.__module__
    if is_own(found):
        return str(getattr(found, "name", ""))
    if module == "__main__":
        module = _script_module()
    if "<locals>" in found.__qualname__ or not module:
        raise InputError(
            f"class {found.__qualname__!r} is in neither a module nor a script, but worker "
            "processes must import it by module and name; move it to the top level of a file"
        )
    return f"{module}:{found.__qualname__}"


def _script_module() -> str:
    """Name of the running script as an importable module."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name)
    path = getattr(main, "__file__", None)
    return Path(path).stem if path and Path(path).exists() else ""


def _class_names(holder: object) -> list[str]:
    names = [name for name, value in vars(holder).items() if inspect.isclass(value)]
    return [name for name in names if not name.startswith("_")] or ["none"]


def load_entry_point(group: str, name: str, kind: str) -> Any:
    """Import what an installed package names so in a group; None if none does.

    Raises:
        InputError: If it cannot be imported.
    """
    point = _entry_points(group).get(name)
    return None if point is None else _load(point, kind)


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    """Points by their names; those that could be no label are left out."""
    points = {point.name: point for point in entry_points(group=group)}
    return {name: point for name, point in points.items() if re.fullmatch(LABEL_PATTERN, name)}


def _load(point: EntryPoint, kind: str) -> Any:
    failed = f"{kind} {point.name!r}: its package's {point.value} cannot be imported"
    with blaming(failed, "reinstall the package or leave it out"):
        return point.load()


def listed(*classes: Any) -> dict[str, Listed]:
    """Map names to classes, for a `Registry`."""
    return {found.name: found for found in classes}
