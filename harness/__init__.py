"""bellman-bench: distil offline reinforcement-learning datasets and measure what is lost.

The names below are imported when first used, so that `import harness` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.loading import load_dataset
    from harness.api import distill, distill_regression
    from harness.core.transitions import Transitions
    from harness.suites.run import run_suite

_HOMES = {
    "Transitions": "harness.core.transitions",
    "distill": "harness.api",
    "distill_regression": "harness.api",
    "load_dataset": "envs.loading",
    "run_suite": "harness.suites.run",
}

__all__ = ["Transitions", "distill", "distill_regression", "load_dataset", "run_suite"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
