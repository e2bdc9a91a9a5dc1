"""Compilation of numerical functions by Numba, which is optional and imported here alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from harness.core.errors import InputError

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def check_compiler_installed(user: str) -> None:
    """Check that Numba is installed, and fits NumPy, of which it refuses versions newer than it.

    Args:
        user: What needs it, for the message.

    Raises:
        InputError: If it cannot be imported.
    """
    try:
        import numba  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(f"{user} needs Numba: install bellman-bench[fast]") from None
    except ImportError as error:
        raise InputError(
            f"{user} needs Numba, which cannot be imported ({error}): install bellman-bench[fast], "
            "with versions of Numba and NumPy that fit"
        ) from error


def compiled(function: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
    """Compile a function at its first call; what is compiled is kept on disk for other processes.

    Sums keep their order, and products are not merged with them: the digits are those that NumPy
    would give. A division by zero is infinite or not a number, as it is there.

    Numba keeps what it compiled until the function's own file changes, though it holds the code of
    all compiled functions that are called. These lie in modules of the same folder, whose text is
    therefore told by the name under which it is kept.
    """
    from numba import njit

    named = cast(Any, function)
    named.__qualname__ += f"_{_digest(Path(named.__code__.co_filename).parent)}"
    try:
        made = njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder can be written: every process compiles
        made = njit(error_model="numpy")(function)
    return cast(Callable[Arguments, Returned], made)


@cache
def _digest(folder: Path) -> str:
    """Digest of the modules of a folder."""
    found = sha256()
    for path in sorted(folder.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]
