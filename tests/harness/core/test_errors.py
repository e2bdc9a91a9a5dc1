from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from harness.core.errors import one_line


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
