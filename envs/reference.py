"""A dataset's environment and reference scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError


class Reference(BaseModel):
    """The environment of a dataset, and the returns that normalise scores to 0..1.

    Each may be missing. Other keys of the metadata are ignored.
    """

    model_config = ConfigDict(frozen=True)

    environment_id: str | None = None
    environment_spec: EnvironmentSpec | None = None  # of that id; None: made as it is registered
    recorded_in: EnvironmentSpec | None = None  # the rows, if policies are evaluated in another
    reference_min: FiniteFloat | None = None  # mean return of the random policy
    reference_max: FiniteFloat | None = None  # mean return of the expert
    codebook: dict[str, Any] | None = None  # continuous actions of the action indices
    action_start: int = 0  # the environment's number of the rows' discrete action 0, if said

    @classmethod
    def parse(cls, metadata: Mapping[str, Any], source: str) -> Self:
        """Extract the reference from metadata.

        Raises:
            InputError: If a value has the wrong type; ``source`` is named in the message.
        """
        try:
            return cls.model_validate(metadata)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{source!r}: {'.'.join(map(str, first['loc']))} is {first['input']!r} "
                f"({first['msg']}); correct the metadata or leave that key out"
            ) from error

    @property
    def environment(self) -> EnvironmentSpec | None:
        """Where policies are evaluated, if known."""
        spec = self.environment_spec
        if self.environment_id is None or (spec and spec.id == self.environment_id):
            return spec
        return EnvironmentSpec(id=self.environment_id)

    @property
    def source_environment(self) -> EnvironmentSpec | None:
        """Where the rows were recorded, if known."""
        return self.recorded_in or self.environment

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        for name in ("environment_spec", "recorded_in", "action_start"):
            if not content.get(name):
                content.pop(name, None)
        return content


def name_environments(
    environment: EnvironmentSpec | None, recorded_in: EnvironmentSpec | None
) -> dict[str, Any]:
    """Return the fields of a `Reference` that name these environments."""
    made = None if environment is None or environment.is_plain else environment
    return {
        "environment_id": environment.id if environment else None,
        "environment_spec": made,
        "recorded_in": None if recorded_in == environment else recorded_in,
    }
