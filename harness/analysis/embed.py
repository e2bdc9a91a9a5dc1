"""Keeping tables inside a text such as README.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import InputError
from harness.core.storage.files import write_whole


def embed(path: Path, name: str, content: str) -> None:
    """Replace what stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.

    Raises:
        InputError: If the file does not hold both marks once, in that order.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: name an existing text to put the table into")
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    text, found = re.subn(
        f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})",
        lambda _: content,
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if found != 1:
        raise InputError(
            f"{str(path)!r} must hold the lines '{begin}' and '{end}' once each: add them where "
            "the table belongs"
        )
    write_whole(path, text.encode())


def embed_found(path: Path, contents: Mapping[str, str]) -> None:
    """Replace what stands between the marks of each name, of those whose first mark is there.

    Args:
        path: An existing text.
        contents: By name; where no name has its mark, the first is missed.

    Raises:
        InputError: If the file holds no mark of any name, or not both of one, once each.
    """
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = [name for name in contents if f"<!-- begin {name} -->" in text]
    for name in found or list(contents)[:1]:
        embed(path, name, contents[name])
