"""JSON values as lines of one text file, whose last line is a seal over all lines before it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

# Every byte before the seal is under its checksum, and the seal itself has but one right form.
_SEAL: Final = re.compile(
    rb'^\{"records": (0|[1-9]\d*), "sha256": "([0-9a-f]{64})"\}\n\Z', re.MULTILINE
)
_SEAL_LENGTH: Final = 200  # bytes at the end of a file among which its seal is looked for
_OUTSIDE_STRINGS: Final = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


def compact(json_text: bytes) -> bytes:
    """Put valid JSON on one line, and leave every string and number as it is written."""
    return _OUTSIDE_STRINGS.sub(rb"\1", json_text)


def seal_lines(lines: Sequence[bytes]) -> bytes:
    """Join lines to the content of a file, with the seal as its last line."""
    body = b"".join(b"%s\n" % line for line in lines)
    digest = hashlib.sha256(body).hexdigest()
    return b'%s{"records": %d, "sha256": "%s"}\n' % (body, len(lines), digest.encode())


def unseal_lines(content: bytes) -> list[bytes]:
    """Return the lines of a sealed file, without its seal.

    Raises:
        ValueError: If the seal is missing, or does not match the lines.
    """
    found = _SEAL.search(content, max(0, len(content) - _SEAL_LENGTH))
    if found is None:
        raise ValueError("its last line is not a seal: it was cut, or is not whole")
    body = memoryview(content)[: found.start()]
    if hashlib.sha256(body).hexdigest().encode() != found[2]:
        raise ValueError("its content does not match the checksum of its last line")
    lines = content[: found.start()].split(b"\n")[:-1]
    if len(lines) != int(found[1]):
        raise ValueError(f"it has {len(lines)} lines, and its last line says {int(found[1])}")
    return lines
