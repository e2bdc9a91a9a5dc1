"""Keeping a table inside a text such as README.md."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import InputError
from harness.files import write_whole


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
