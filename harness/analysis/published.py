"""Claims of a published paper, and the criteria by which we call them met."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from harness.errors import InputError
from harness.specs import Frozen, Label, Task

Verdict = Literal["met", "not met", "undecided"]


class Criterion(Frozen):
    """What a claim says of its two arms, as bounds on a measure that is small where it holds."""

    measure: Literal["error ratio", "excess ratio"]
    met_up_to: float
    refuted_above: float

    def verdict(self, low: float, high: float) -> Verdict:
        """Judge the interval of the measure; an unknown one, NaN, decides nothing."""
        if low > self.refuted_above:
            return "not met"
        return "met" if high <= self.met_up_to else "undecided"


class Claim(Frozen):
    """What a paper says of one arm against another, in our words, and our criterion for it."""

    id: Label
    text: str
    task: Task
    learner: Label
    arm: Label
    versus: Label
    criterion: str


class PublishedClaims(Frozen):
    """A paper and what it claims."""

    title: str
    authors: tuple[str, ...]
    arxiv: str
    venue: str
    note: str
    criteria: dict[str, Criterion]
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _criteria_are_known(self) -> Self:
        for claim in self.claims:
            if claim.criterion not in self.criteria:
                known = ", ".join(sorted(self.criteria))
                raise ValueError(
                    f"criterion {claim.criterion!r} of claim {claim.id!r}: choose from {known}"
                )
        return self

    @property
    def citation(self) -> str:
        """Authors, title, number and venue in one line."""
        return f"{', '.join(self.authors)}: {self.title}, arXiv {self.arxiv}, {self.venue}"


def read_claims(path: Path) -> PublishedClaims:
    """Read the TOML of a paper's claims.

    Raises:
        InputError: If there is no such file, or its text is not that of claims.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: name a TOML file of published claims")
    try:
        return PublishedClaims.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"claims {str(path)!r} are not TOML: {error}; correct it") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        rule = first["msg"].removeprefix("Value error, ")
        raise InputError(f"claims {str(path)!r}: {where}: {rule}; correct it") from error
