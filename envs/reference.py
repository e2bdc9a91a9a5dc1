"""A dataset's environment and reference scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from harness.core.errors import InputError


class Reference(BaseModel):
    """The environment of a dataset, and the returns that normalise scores to 0..1.

    Each may be missing. Other keys of the metadata are ignored.
    """

    model_config = ConfigDict(frozen=True)

    environment_id: str | None = None
    reference_min: FiniteFloat | None = None  # mean return of the random policy
    reference_max: FiniteFloat | None = None  # mean return of the expert
    codebook: dict[str, Any] | None = None  # continuous actions of the action indices

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
