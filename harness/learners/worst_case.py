"""The worst case, which stands in a suite where a learner stands."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class WorstCase(BaseModel):
    """Not trained: the linear regressor of norm one on which reduction and data differ most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "worst-case"
