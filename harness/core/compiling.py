"""Compilation of numerical functions by Numba, which is optional and imported here alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import ParamSpec, TypeVar, cast

from harness.core.errors import InputError

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def check_compiler_installed(user: str) -> None:
    """Check that Numba is installed.

    Args:
        user: What needs it, for the message.

    Raises:
        InputError: If it is missing.
    """
    if find_spec("numba") is None:
        raise InputError(f"{user} needs Numba: install bellman-bench[fast]")


def compiled(function: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
    """Compile a function at its first call; what is compiled is kept on disk for other processes.

    Sums keep their order, and products are not merged with them: the digits are those that NumPy
    would give. A division by zero is infinite or not a number, as it is there.
    """
    from numba import njit

    made = njit(cache=True, error_model="numpy")(function)
    return cast(Callable[Arguments, Returned], made)
