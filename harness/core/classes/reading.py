"""What a user says of a dataset where its file does not say it, or says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, Self

from pydantic import (
    Field,
    FiniteFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from harness.core.classes.specs import Frozen
from harness.core.errors import InputError

ActionKind = Literal["discrete", "continuous"]

SAY_DISCRETE: Final = '--discrete (actions = "discrete" in a suite or a Reading)'
SAY_CONTINUOUS: Final = '--continuous (actions = "continuous" in a suite or a Reading)'


def check_scores(low: float | None, high: float | None) -> None:
    """Check that a return of the reference policies can be normalised, as far as both are known.

    Raises:
        InputError: If the random policy's is not below the expert's.
    """
    if low is not None and high is not None and not low < high:
        raise InputError(
            f"reference_min {low:g} and reference_max {high:g}: a random policy's mean return must "
            "be below the expert's; swap or correct them"
        )


class Reading(Frozen):
    """How a dataset is read; what is left out is as its file says, or as its values suggest."""

    environment: str | None = None  # where policies are played, also as ``module:Env-v0``
    reference_min: FiniteFloat | None = None  # mean return of the random policy
    reference_max: FiniteFloat | None = None  # mean return of the expert
    actions: ActionKind | None = None  # what they are, where their values do not tell
    action_count: PositiveInt | None = None  # discrete actions of the environment
    map: dict[str, str] = Field(default_factory=dict)  # theirs by standard name; empty: not read

    @model_validator(mode="after")
    def _scores_are_in_order(self) -> Self:
        check_scores(self.reference_min, self.reference_max)
        return self

    @model_validator(mode="after")
    def _continuous_actions_have_no_number(self) -> Self:
        if self.actions == "continuous" and self.action_count is not None:
            raise ValueError(
                f"action_count {self.action_count} of continuous actions: only discrete ones are "
                "counted; leave one out"
            )
        return self

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return {key: value for key, value in content.items() if value not in (None, {})}


AS_STORED: Final = Reading()


@contextmanager
def read_without_options(what: str) -> Iterator[None]:
    """Say of an error in reading a dataset that a command's options are of another one.

    Args:
        what: What the dataset is to the command.

    Raises:
        InputError: As raised within, with the remedy that there is.
    """
    try:
        yield
    except InputError as error:
        raise InputError(
            f"{what}: {error}; the options here are not of it: where it needs one, convert it by "
            "`bellman-bench convert` with that option, and give the new id"
        ) from error


def refuse_for_regression(reading: Reading, dataset_id: str) -> None:
    """Refuse what is said of a regression set.

    Raises:
        InputError: If anything is.
    """
    if reading != AS_STORED:
        raise InputError(
            f"{', '.join(reading.model_dump())} of {dataset_id!r}: regression has neither an "
            "environment nor actions, and columns have their own names; leave it out"
        )


class SaysReadings(Frozen):
    """A spec whose JSON mentions readings only where something is said."""

    @model_serializer(mode="wrap")
    def _leave_out_unsaid(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        return {key: value for key, value in content.items() if value or key not in _READINGS}


_READINGS: Final = ("reading", "readings")


def split_tables(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a suite's datasets, environments and readings, its datasets given as ids or tables.

    Raises:
        ValueError: If a table has no id, or a key that is none of a `Reading`'s.
    """
    given = {key: values.get(key, {}) for key in ("environments", "readings")}
    others = [f"{key} {tables!r}" for key, tables in given.items() if not _is_table(tables)]
    if others:
        raise ValueError(f"{' and '.join(others)}: a table by dataset is needed; correct it")
    environments, readings = (dict(tables) for tables in given.values())
    names = []
    for entry in values["datasets"]:
        name, said = _read_table(entry)
        names.append(name)
        if "environment" in said:
            environments[name] = said.pop("environment")
        if said:
            readings[name] = said
    return {"datasets": names, "environments": environments, "readings": readings}


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _read_table(entry: Any) -> tuple[Any, dict[str, Any]]:
    if not isinstance(entry, dict):
        return entry, {}
    said = {key: value for key, value in entry.items() if key != "id"}
    if said.keys() - Reading.model_fields.keys() or not isinstance(entry.get("id"), str):
        raise ValueError(
            f"dataset {entry!r}: an id is needed, and {', '.join(Reading.model_fields)} may be "
            "said; correct it"
        )
    return entry["id"], said
