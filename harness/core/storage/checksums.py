"""A checksum at the end of a JSON file, which detects every changed byte."""

from __future__ import annotations

import hashlib
import re
from typing import Final

# A sealed file ends with the SHA-256 of everything before. Every byte of a file is either covered
# by the checksum or part of this fixed end, so that every change is detected.
_SEAL: Final = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\n\Z')
_END: Final = b"\n}"


def seal(content: bytes) -> bytes:
    """Add a checksum to a JSON object that is indented by one."""
    body = content.removesuffix(_END)
    digest = hashlib.sha256(body).hexdigest()
    return b'%s,\n "sha256": "%s"\n}\n' % (body, digest.encode())


def is_sealed(content: bytes) -> bool:
    """Whether a file ends with a checksum, correct or not."""
    return _SEAL.search(content) is not None


def unseal(content: bytes) -> bytes:
    """Return a file's JSON without its checksum, if it has one.

    Raises:
        ValueError: If the checksum does not match.
    """
    found = _SEAL.search(content)
    if found is None:
        return content
    body = content[: found.start()]
    if hashlib.sha256(body).hexdigest().encode() != found[1]:
        raise ValueError("its content does not match its checksum")
    return body + _END
