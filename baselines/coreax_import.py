"""Import of coreax, an optional library, without its warnings and log output."""

from __future__ import annotations

import logging
import os
import warnings

from harness.core.errors import InputError


def import_coreax(method: str) -> None:
    """Import coreax without its warnings and log output.

    Raises:
        InputError: If it is not installed; ``method`` names the method that needs it.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # else jax warns about unused accelerators
    # coreax makes the root logger print to standard output unless it already has a handler.
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        with warnings.catch_warnings(action="ignore"):  # coreax imports jaxopt, which is deprecated
            import coreax  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"method {method!r} needs coreax ({error}); "
            "install it with: pip install 'bellman-bench[benchmarks]'"
        ) from error
    finally:
        logging.root.removeHandler(handler)
