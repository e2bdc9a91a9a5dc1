"""Notebooks made of the examples that are programs, for the site and for those who like cells.

    python docs/tools/notebooks.py build/notebooks

A program's text becomes Markdown, its paragraphs and functions become cells, and the arguments are
those of the command in its text. Nothing is run, and nothing made is kept in the repository.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import jupytext
from nbformat.v4 import new_code_cell, new_markdown_cell

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
WHERE: Final = "Open it in the folder `examples` of the repository, whose files import one another."
_COMMAND = re.compile(r"^ *python (\w+\.py.*)$", re.MULTILINE)


def notebooks() -> Mapping[str, str]:
    """Return the notebook of every program among the examples, as JSON by the program's name."""
    found = {path.stem: notebook_of(path) for path in sorted(EXAMPLES.glob("*.py"))}
    return {name: text for name, text in found.items() if text is not None}


def notebook_of(script: Path) -> str | None:
    """Return the notebook of a script as JSON; None for a module that no command runs."""
    code = script.read_text(encoding="utf-8")
    head = ast.parse(code).body[0]
    text = ast.get_docstring(ast.parse(code)) or ""
    command = _COMMAND.search(text)
    if command is None:
        return None
    rest = "\n".join(code.splitlines()[head.end_lineno :]).strip()
    notebook = jupytext.reads(rest, fmt="py:light")
    imports = list(takewhile(_only_imports, notebook.cells))
    notebook.cells = [
        new_markdown_cell(f"{text}\n\n{WHERE}"),
        new_code_cell("\n\n".join(cell.source for cell in imports)),
        new_code_cell(f"sys.argv = {shlex.split(command[1])!r}"),
        *notebook.cells[len(imports) :],
    ]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # not random: the same script gives the same bytes
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = {"kernelspec": kernel}
    return str(jupytext.writes(notebook, fmt="ipynb"))


def _only_imports(cell: Any) -> bool:
    return str(cell.source).startswith(("import ", "from "))


def main(folder: Path) -> None:
    """Write all notebooks into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in notebooks().items():
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
