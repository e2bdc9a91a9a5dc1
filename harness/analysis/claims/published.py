"""Claims of a published paper, and the criteria by which we call them met."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, PositiveInt, ValidationError, model_validator

from harness.core.classes.specs import Frozen, Label
from harness.core.errors import InputError, input_error, naming, unknown_name
from harness.core.specs import Task

Verdict = Literal["met", "not met", "undecided"]
ControlVerdict = Literal[
    "reproduced",
    "not reproduced",
    "reproduced only against random, not against stratified",
    "undecided",
    "not tested",
]
Interval = tuple[float, float]  # both ends; NaN if unknown
Table = TypeVar("Table", bound=Frozen)


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


class ScoreCriterion(Frozen):
    """What a claim of control says, as bounds on score of arm − score of versus."""

    measure: Literal["score difference"]
    refuted_up_to: float
    met_above: float
    learned_above: float | None = None  # the arm's own score, of 0..1; without it any will do

    def verdict(self, difference: Interval, score: Interval) -> ControlVerdict:
        """Judge the intervals of the difference and of the arm's score; NaN decides nothing."""
        floor = -math.inf if self.learned_above is None else self.learned_above
        if difference[1] <= self.refuted_up_to or score[1] <= floor:
            return "not reproduced"
        met = difference[0] > self.met_above and (self.learned_above is None or score[0] > floor)
        return "reproduced" if met else "undecided"


class Claim(Frozen):
    """What a paper says of one arm against another, in our words, and our criterion for it."""

    id: Label
    text: str
    task: Literal["regression"]
    learner: Label
    arm: Label
    versus: Label
    criterion: str


class Where(Frozen):
    """What a claim of control is judged on."""

    datasets: Annotated[tuple[str, ...], Field(min_length=1)]
    sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]  # a seed's mean over them counts


class ControlClaim(Where):
    """The same of control: where it was claimed, and what else is shown beside it."""

    id: Label
    text: str
    task: Literal["control"]
    learner: Label
    arm: Label
    versus: Label
    fairer: Literal["stratified"] | None = None  # a baseline to meet the same criterion against
    criterion: str
    beside: tuple[Label, ...] = ()  # other arms to set in the arm's place, as evidence

    @model_validator(mode="after")
    def _fairer_than_random(self) -> Self:
        if self.fairer is not None and self.versus != "random":
            raise ValueError(
                f"{self.fairer!r} is fairer than 'random', and claim {self.id!r} is versus "
                f"{self.versus!r}: remove `fairer`"
            )
        return self


class UntestedClaim(Frozen):
    """A claim that our studies do not test, and why."""

    id: Label
    text: str
    task: Task
    reason: str


class PublishedClaims(Frozen):
    """A paper and what it claims."""

    title: str
    authors: tuple[str, ...]
    arxiv: str
    venue: str
    note: str
    history: str  # of the criteria of control: when they were fixed, and what was amended
    criteria: dict[str, Annotated[Criterion | ScoreCriterion, Field(discriminator="measure")]]
    claims: Annotated[
        tuple[Annotated[Claim | ControlClaim, Field(discriminator="task")], ...],
        Field(min_length=1),
    ]
    untested: tuple[UntestedClaim, ...] = ()

    @model_validator(mode="after")
    def _criteria_are_known(self) -> Self:
        for claim in self.claims:
            known = self._criteria_of(claim)
            if claim.criterion not in known:
                raise ValueError(
                    f"criterion {claim.criterion!r} of claim {claim.id!r}: choose from "
                    f"{', '.join(sorted(known))}"
                )
        return self

    def _criteria_of(self, claim: Claim | ControlClaim) -> set[str]:
        kind = Criterion if isinstance(claim, Claim) else ScoreCriterion
        return {name for name, found in self.criteria.items() if isinstance(found, kind)}

    @property
    def regression(self) -> list[tuple[Claim, Criterion]]:
        """The claims of regression, each with its criterion."""
        return [
            (claim, rule)
            for claim in self.claims
            if isinstance(claim, Claim)
            and isinstance(rule := self.criteria[claim.criterion], Criterion)
        ]

    @property
    def control(self) -> list[tuple[ControlClaim, ScoreCriterion]]:
        """The claims of control, each with its criterion."""
        return [
            (claim, rule)
            for claim in self.claims
            if isinstance(claim, ControlClaim)
            and isinstance(rule := self.criteria[claim.criterion], ScoreCriterion)
        ]

    def rule(self, claim: ControlClaim) -> ScoreCriterion:
        """The criterion of a claim of control."""
        return next(rule for known, rule in self.control if known == claim)

    @property
    def control_verdicts(self) -> int:
        """How many verdicts of control there are: one a claim and dataset that it names."""
        return sum(len(claim.datasets) for claim, _ in self.control)

    @property
    def citation(self) -> str:
        """Authors, title, number and venue in one line."""
        return f"{', '.join(self.authors)}: {self.title}, arXiv {self.arxiv}, {self.venue}"

    @property
    def source(self) -> str:
        """The citation and the note as a sentence."""
        return f"Claims of {self.citation}; {self.note}."


class Elsewhere(Frozen):
    """Claims of control of another file, judged on other data or sizes by the same criteria."""

    same_as: Annotated[str, Field(pattern=r"^[^/\\]+$")]  # that file's name, in the same folder
    history: str  # when it was fixed where they are judged
    claims: Annotated[dict[Label, Where], Field(min_length=1)]

    def of(self, published: PublishedClaims) -> PublishedClaims:
        """Return the claims that are named here, each judged where this says.

        Raises:
            InputError: If a claim is none of control in ``published``.
        """
        known = {claim.id: claim for claim, _ in published.control}
        for name in self.claims:
            if name not in known:
                raise unknown_name("claim of control", name, known)
        claims = [known[name].model_copy(update=dict(where)) for name, where in self.claims.items()]
        history = f"{published.history} Here, {self.history}"
        return published.model_copy(update={"claims": tuple(claims), "history": history})


def read_claims(path: Path) -> PublishedClaims:
    """Read the TOML of a paper's claims, or of where claims of another such file are judged.

    Raises:
        InputError: If there is no such file, or its text is not that of claims.
    """
    content = _parsed(path)
    if "same_as" not in content:
        return _checked(path, PublishedClaims, content)
    elsewhere = _checked(path, Elsewhere, content)
    other = path.parent / elsewhere.same_as
    with naming(str(path)):
        return elsewhere.of(_checked(other, PublishedClaims, _parsed(other)))


def _parsed(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: name a TOML file of published claims")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"claims {str(path)!r} are not TOML: {error}; correct it") from error


def _checked(path: Path, kind: type[Table], content: dict[str, Any]) -> Table:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise input_error(f"claims {str(path)!r}", error) from error
