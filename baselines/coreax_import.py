"""Importing coreax, an optional library, without its noise."""

from __future__ import annotations

import logging
import os
import warnings

from harness.core.errors import InputError


def import_coreax(method: str) -> None:
    """Import coreax without its noise.

    Raises:
        InputError: If it is not installed; ``method`` says who needs it.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # else jax complains about idle accelerators
    # coreax sets the root logger up to print to standard output, unless that has a handler.
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        with warnings.catch_warnings(action="ignore"):  # it imports jaxopt, which is deprecated
            import coreax  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"method {method!r} needs coreax ({error}); "
            "install it with: pip install 'bellman-bench[benchmarks]'"
        ) from error
    finally:
        logging.root.removeHandler(handler)
