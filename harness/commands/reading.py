"""The options that say how a dataset is read, shared by all commands that open one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from harness.core.classes.reading import Reading
from harness.core.errors import InputError, input_error


def takes_reading(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `parse_reading` in the place of its parameter ``reading``.

    Args:
        without: Options that would change nothing in this command.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = signature(parse_reading, eval_str=True).parameters
        kept = {name: option for name, option in options.items() if name not in without}

        @wraps(command)
        def run(**given: Any) -> None:
            said = {name: given.pop(name) for name in kept}
            command(**given, reading=parse_reading(**said))

        own = signature(command, eval_str=True)
        others = [option for name, option in own.parameters.items() if name != "reading"]
        parameters = [*others, *kept.values()]
        run.__dict__["__signature__"] = own.replace(parameters=parameters)
        run.__annotations__ = {option.name: option.annotation for option in parameters}
        return run

    return decorate


def parse_reading(
    environment: Annotated[
        str | None,
        typer.Option(help="Where policies are played: an id, or module:Env-v0."),
    ] = None,
    reference_min: Annotated[
        float | None, typer.Option(help="Mean return of the random policy.")
    ] = None,
    reference_max: Annotated[float | None, typer.Option(help="Mean return of the expert.")] = None,
    discrete: Annotated[
        bool | None,
        typer.Option(
            "--discrete/--continuous", help="What actions are, where their values do not tell."
        ),
    ] = None,
    action_count: Annotated[
        int | None, typer.Option(min=1, help="Discrete actions of the environment.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="The name of an array in a file, as ours=theirs (rewards=r); repeatable.",
        ),
    ] = None,
) -> Reading:
    """Return what a user says of a dataset.

    Raises:
        InputError: If a name is no assignment, or what is said contradicts itself.
    """
    actions = None if discrete is None else "discrete" if discrete else "continuous"
    values = {
        "environment": environment,
        "reference_min": reference_min,
        "reference_max": reference_max,
        "actions": actions,
        "action_count": action_count,
        "map": dict(_assignment(text) for text in names or []),
    }
    try:
        return Reading.model_validate(values)
    except ValidationError as error:
        raise input_error("options", error) from error


def _assignment(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator:
        raise InputError(f"map {text!r}: write it as ours=theirs, such as rewards=r")
    return ours, theirs
