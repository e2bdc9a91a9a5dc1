"""Completion in a shell, asked as shells ask."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bellman-bench run quick", {"quickstart", "quickstart-continuous"}),
        ("bellman-bench comp", {"compare"}),
        ("bellman-bench run nothing-of-that-name", set()),
    ],
)
def test_commands_and_suites_are_completed(line: str, expected: set[str]) -> None:
    asked = {
        "_BELLMAN_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == expected
    assert done.stderr == ""
