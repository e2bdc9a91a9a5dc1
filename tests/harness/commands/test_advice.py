"""What messages advise exists, and can be taken where it is advised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from envs.formats.minari import output as minari_output
from harness.testing.rows import random_transitions
from tests.envs.formats.layouts import walk, without, write_npz
from tests.support.commands import Command

ROOT = Path(__file__).parents[3]


def sentences_of(path: Path) -> Iterator[str]:
    """Yield the strings of several words of a module that are not its documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    for text in (node.value for node in constants if id(node) not in statements):
        if isinstance(text, str) and " " in text.strip():
            yield text


def test_every_option_that_a_message_names_exists() -> None:
    reference = ROOT / "docs" / "reference" / "commands.md"  # lists what --help shows
    known = set(re.findall(r"--[a-z][a-z-]+", reference.read_text(encoding="utf-8")))
    named = {
        option
        for package in ("harness", "envs", "baselines")
        for path in (ROOT / package).rglob("*.py")
        for text in sentences_of(path)
        for option in re.findall(r"--[a-z][a-z-]+", text)
    }
    assert len(named) > 20
    assert not named - known


@pytest.fixture
def odd(tmp_path: Path) -> str:
    """A file whose rewards have a name that nobody knows."""
    rows = walk(9, 8, action_dim=0)
    return write_npz(tmp_path / "odd.npz", {**without(rows, "rewards"), "gain": rows["rewards"]})


def test_a_reference_that_needs_an_option_is_converted_with_it(
    bench: Command, odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    asked = ("inspect", odd, "--map", "rewards=gain", "--reference")
    refused = bench(*asked, odd)
    assert refused.status == 2
    assert refused.errors.count("\n") == 1
    assert "--reference: " in refused.errors
    assert "`bellman-bench convert` with that option, and give the new id" in refused.errors
    assert bench("convert", odd, "--map", "rewards=gain", "--output", "mine/odd-v0").status == 0
    shown = bench(*asked, "mine/odd-v0")
    assert shown.status == 0, shown.errors
    assert "coverage" in shown.output


def test_a_reduction_that_needs_an_option_is_not_told_of_the_sources(
    bench: Command, odd: str
) -> None:
    refused = bench("certify", odd, "--against", odd, "--map", "rewards=gain")
    assert refused.status == 2
    assert refused.errors.count("\n") == 1
    assert "the reduction: " in refused.errors


def test_what_is_said_of_a_regression_set_is_refused(bench: Command, tmp_path: Path) -> None:
    made = tmp_path / "set.npz"
    assert bench("distill", "regression/diabetes", "--size", "20", "--output", made).status == 0
    command = ("certify", made, "--against", "regression/diabetes")
    assert bench(*command).status == 0
    for option in (("--discrete",), ("--map", "rewards=r"), ("--action-count", "3")):
        refused = bench(*command, *option)
        assert refused.status == 2
        assert "regression has neither an environment nor actions" in refused.errors


def test_files_are_not_collected(bench: Command, odd: str) -> None:
    refused = bench("collect", odd)
    assert refused.status == 2
    assert "is a file: embedded datasets alone are collected" in refused.errors


def test_sets_of_many_rows_are_written_as_files(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Minari's form each row would be an episode of two kilobytes."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setattr(minari_output, "MOST_ONE_STEP", 30)
    source = tmp_path / "rows.npz"
    random_transitions(np.random.default_rng(0), 90, 2).save(source, {})
    command = ("distill", source, "--method", "random", "--size", "31", "--output")
    refused = bench(*command, "mine/many-v0")
    assert refused.status == 2
    assert "31 rows would each be an episode" in refused.errors.splitlines()[-1]
    assert "give the path of an .npz as the output" in refused.errors
    assert bench(*command, tmp_path / "many.npz").status == 0
