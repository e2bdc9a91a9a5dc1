"""Running the command line in the tests' own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Outcome:
    status: int
    output: str
    errors: str


Command = Callable[..., Outcome]
