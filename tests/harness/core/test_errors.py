from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from harness.core.errors import input_error, one_line


class Held(BaseModel):
    steps: tuple[int, ...]


class MuteError(RuntimeError):
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("first\nsecond"), "RuntimeError: first"),
        (RuntimeError("\n  first  of two\nsecond"), "RuntimeError: first of two"),
        (GeneratorExit(), "GeneratorExit"),
        (KeyError("key"), "KeyError: 'key'"),
        (MuteError(), "MuteError: it has no message: its __str__ failed"),
    ],
)
def test_an_error_is_said_in_its_first_line(error: BaseException, line: str) -> None:
    assert one_line(error) == line


def test_of_pydantics_errors_the_first_offence_is_said() -> None:
    with pytest.raises(ValidationError) as caught:
        Held.model_validate({"steps": [1, "x"]})
    said = one_line(caught.value)
    assert said.startswith("ValidationError: Held: steps.1 = 'x': Input should be a valid integer")
    assert "errors.pydantic.dev" not in said


class Ruled(BaseModel):
    name: str = ""

    @field_validator("name")
    @classmethod
    def _check(cls, name: str) -> str:
        raise ValueError(name)


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ("it is too long: shorten it", "it is too long: shorten it"),
        ("it is too long; shorten it", "it is too long; shorten it"),
        ("it is too long", "it is too long; correct it"),
    ],
)
def test_a_rule_that_ends_with_a_remedy_gets_no_second(rule: str, end: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Ruled(name=rule)
    assert str(input_error("file", caught.value)) == f"file: name = {rule!r}: {end}"


def test_a_rule_of_pydantics_gets_a_remedy_whatever_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Held.model_validate({"steps": ["a; b"]})
    assert str(input_error("file", caught.value)).endswith("; correct it")
