"""The time left, of records whose seconds are known."""

from __future__ import annotations

import pytest

from harness.execution.progress import TimeLeft


def test_what_is_left_takes_as_long_as_what_is_done_relative_to_what_was_expected() -> None:
    left = TimeLeft({"a": 1.0, "b": 4.0, "c": 3.0})
    assert left.after("a", 2.0) == pytest.approx(14.0)  # twice as long as expected
    assert left.after("c", 4.0) == pytest.approx(4.0)  # as long as expected, so far
    assert left.after("b", 9.0) == 0.0
