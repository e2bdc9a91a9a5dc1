"""What a dataset says of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from harness.core.errors import InputError


class Reference(BaseModel):
    """The environment of a dataset, and the returns between which scores are normalised.

    Each may be missing. Other keys are ignored: metadata hold more than this.
    """

    model_config = ConfigDict(frozen=True)

    environment_id: str | None = None
    reference_min: FiniteFloat | None = None  # mean return of the random policy
    reference_max: FiniteFloat | None = None  # mean return of the expert
    codebook: dict[str, Any] | None = None  # what numbered actions stand for in the environment

    @classmethod
    def parse(cls, metadata: Mapping[str, Any], source: str) -> Self:
        """Pick the reference out of metadata.

        Raises:
            InputError: If a value has the wrong type; ``source`` says where.
        """
        try:
            return cls.model_validate(metadata)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{source!r}: {'.'.join(map(str, first['loc']))} is {first['input']!r} "
                f"({first['msg']}); correct the metadata or leave that key out"
            ) from error
