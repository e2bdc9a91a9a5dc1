"""The error for unusable input: one line with the value, the rule and the remedy."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import ValidationError

OWN_PACKAGES: Final = ("harness", "envs", "baselines")
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class InputError(ValueError):
    """Input that cannot be used; the message names the value, the rule and the remedy."""


class PathError(InputError):
    """A path that the system refuses to read or to write."""


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Prefix input errors inside the block with the source that they are about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{source!r}: {error}") from error


def one_line(error: BaseException) -> str:
    """Say an error's type and the first line of its message; of pydantic's, the first offence."""
    kind = type(error).__name__
    if isinstance(error, ValidationError):
        return f"{kind}: {error.title}: {_first_offence(error)}"
    lines = message_of(error).strip().splitlines()
    return " ".join(f"{kind}: {lines[0]}".split()) if lines else kind


def message_of(error: BaseException) -> str:
    """Return an error's message, whatever a class of the user's does when asked for it."""
    try:
        return str(error)
    except Exception:
        return "it has no message: its __str__ failed"


def is_own(found: type) -> bool:
    """Tell whether a class comes with the package; what fails in others is theirs to correct."""
    return found.__module__.partition(".")[0] in OWN_PACKAGES


@contextmanager
def blaming(subject: str, remedy: str) -> Iterator[None]:
    """Say in one line what a class or module of the user's raises; it may even call ``sys.exit``.

    Args:
        subject: What failed, such as ``method 'mine' failed``.
        remedy: The rule that it breaks, and what to do.

    Raises:
        InputError: If it raises anything but an interrupt.
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{subject} ({one_line(error)}): {remedy}") from error


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> InputError:
    """Build the error for a name that is not among ``choices``.

    Args:
        kind: What the name stands for, such as ``method``.
        name: The name as the user gave it.
        choices: All valid names.
    """
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return InputError(f"unknown {kind} {name!r}: choose from {', '.join(known)}{hint}")


def system_error(error: OSError, path: Path | str) -> PathError:
    """Build the error for a file that the system refuses to read or to write.

    Args:
        error: The system's reason.
        path: The file.
    """
    if error.errno in NO_ROOM:
        remedy = "free some space there, or choose another place"
    elif error.errno in _NOT_ALLOWED:
        remedy = "ask for the permission, or choose another place"
    elif error.errno == errno.ENAMETOOLONG:
        remedy = "choose a shorter name"
    else:
        remedy = "correct the path"
    return PathError(f"{str(path)!r} cannot be used ({error.strerror or error}): {remedy}")


def input_error(subject: str, error: ValidationError) -> InputError:
    """Turn pydantic's report into one line on the first offence, with a remedy if it has none.

    The rules of validators, unlike those of pydantic's types, may end with one after a colon or
    a semicolon.
    """
    first = error.errors()[0]
    complete = first["type"] == "value_error" and re.search("[:;] ", _rule_of(first["msg"]))
    return InputError(f"{subject}: {_first_offence(error)}{'' if complete else '; correct it'}")


def _first_offence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    given = f" = {first['input']!r}" if where and not isinstance(first["input"], dict) else ""
    return " ".join(f"{where}{given}{': ' if where else ''}{_rule_of(first['msg'])}".split())


def _rule_of(message: str) -> str:
    return message.removeprefix("Value error, ")
