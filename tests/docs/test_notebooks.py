"""Notebooks say and do what the scripts do that they are made of."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.web.pages import ROOT

jupytext = pytest.importorskip("jupytext")  # of the extra docs
nbformat = pytest.importorskip("nbformat")
sys.path.insert(0, str(ROOT / "docs" / "tools"))

from notebooks import notebooks  # noqa: E402

EXAMPLES = ROOT / "examples"
NOTEBOOKS = notebooks()


def code_cells(name: str) -> list[str]:
    cells = json.loads(NOTEBOOKS[name])["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_every_program_has_a_notebook() -> None:
    programs = {path.stem for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text()}
    assert programs == NOTEBOOKS.keys()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_cells_are_the_script_and_its_arguments(name: str) -> None:
    nbformat.validate(nbformat.reads(NOTEBOOKS[name], as_version=4))
    text, *script = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8")).body
    found = ast.parse("\n\n".join(code_cells(name))).body
    (arguments,) = (line for line in map(ast.unparse, found) if line.startswith("sys.argv = "))
    assert [line for line in map(ast.unparse, found) if line != arguments] == [
        ast.unparse(statement) for statement in script
    ]
    words = ast.literal_eval(arguments.removeprefix("sys.argv = "))
    assert f"python {' '.join(words)}" in ast.unparse(text)


# As a kernel runs them: one after another in a main module, which keeps what `__future__` changes.
RUN = """
import codeop, json, sys
sys.path.insert(0, "")
compile_cell = codeop.Compile()
for cell in json.load(sys.stdin):
    exec(compile_cell(cell, "cell", "exec"), globals())
"""


@pytest.mark.slow
def test_a_notebook_says_what_its_script_says(tmp_path: Path) -> None:
    copied = shutil.copytree(EXAMPLES, tmp_path / "examples")
    cells = json.dumps(code_cells("judge_offline"))
    said = [
        subprocess.run(
            [sys.executable, *words],
            input=cells,
            capture_output=True,
            text=True,
            cwd=copied,
            check=True,
        ).stdout
        for words in (["-c", RUN], ["judge_offline.py", "log.npz", "set.npz"])
    ]
    assert "30 rows, advantage" in said[0]
    assert said[0] == said[1]
