"""Judges: what stands in a suite where a learner stands, and measures a reduction untrained."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt

from harness.numerics.predictors import Actions


class Judge(BaseModel):
    """A judge's fields are its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]


class WorstCase(Judge):
    """Not trained: the linear regressor of norm one on which reduction and data differ most."""

    name: ClassVar[str] = "worst-case"


class FreshGap(Judge):
    """Not trained: the Bellman-loss gap on predictors that no distiller has matched."""

    name: ClassVar[str] = "fresh-predictors"

    actions: Actions = "product"  # how one-hot actions enter the predictors
    predictors: PositiveInt = 1000
