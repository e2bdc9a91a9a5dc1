"""The pages that users read, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^((?:<!-- [^\n]* -->\n)?)```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code, with what the comment before it says."""

    language: str
    code: str
    not_run: str  # why; empty if it is run
    file: str  # that holds it; empty if it is none

    @property
    def is_run(self) -> bool:
        """Whether a test runs it, or for TOML reads it."""
        is_module = self.file.endswith(".py")  # which another block imports
        return self.language in ("sh", "python", "toml") and not self.not_run and not is_module


def page_name(page: Path) -> str:
    """Name a page from the repository's root."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of code of a page."""
    for note, language, code in _BLOCK.findall(page.read_text(encoding="utf-8")):
        key, _, value = note.strip().removeprefix("<!-- ").removesuffix(" -->").partition(": ")
        said = {key: value}
        yield Block(language, code, said.get("not run", ""), said.get("file", ""))


def links(page: Path) -> list[str]:
    """List the targets of a page's links and images, those in code left out."""
    return _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as links do."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    bare = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in _HEADING.findall(text))
    return {re.sub(r"[-\s]+", "-", heading) for heading in bare}
