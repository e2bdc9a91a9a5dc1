"""Environments as values: an id of gymnasium's, and how it is made otherwise than registered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pydantic import Field, JsonValue, PositiveInt

from harness.core.classes.specs import Frozen


class WrapperSpec(Frozen):
    """A wrapper around an environment."""

    name: str  # of one of gymnasium's own, or ``module:Class`` of another
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({_listed(self.kwargs)})"


class EnvironmentSpec(Frozen):
    """An environment: two of the same id that are made differently are two environments."""

    id: str  # in gymnasium's registry
    kwargs: dict[str, JsonValue] = Field(
        default_factory=dict
    )  # besides registered ones, which they replace
    max_episode_steps: PositiveInt | None = None  # None: as registered
    wrappers: tuple[WrapperSpec, ...] = ()  # around registered ones, the innermost first

    def __hash__(self) -> int:
        return hash(self.id)  # values of ``kwargs`` cannot be hashed, and ids rarely agree

    def __str__(self) -> str:
        return ", ".join([self.id, *self._differences()])

    @property
    def is_plain(self) -> bool:
        """Whether it is made just as it is registered."""
        return not any(self._differences())

    def _differences(self) -> Iterator[str]:
        if self.kwargs:
            yield _listed(self.kwargs)
        if self.max_episode_steps is not None:
            yield f"max_episode_steps={self.max_episode_steps}"
        yield from map(str, self.wrappers)


def _listed(kwargs: Mapping[str, JsonValue]) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in kwargs.items())


def named_again(own: EnvironmentSpec | None, environment_id: str) -> EnvironmentSpec:
    """Return the environment that a user names by its id, for a dataset that may have its own.

    If that has the same id it stays, arguments included: the user then says what registers it.
    """
    return own if own and own.id == environment_id else EnvironmentSpec(id=environment_id)
