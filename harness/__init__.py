"""bellman-bench: distil offline reinforcement-learning datasets and measure what is lost.

The names below are imported when first used, so that `import harness` stays light.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.loading import load_dataset
    from harness.api import distill, distill_regression, load_results
    from harness.core.classes.reading import Reading
    from harness.core.transitions import Transitions
    from harness.suites.run import run_suite

_HOMES = {
    "Reading": "harness.core.classes.reading",
    "Transitions": "harness.core.transitions",
    "distill": "harness.api",
    "distill_regression": "harness.api",
    "load_dataset": "envs.loading",
    "load_results": "harness.api",
    "run_suite": "harness.suites.run",
}

__all__ = [
    "Reading",
    "Transitions",
    "distill",
    "distill_regression",
    "load_dataset",
    "load_results",
    "run_suite",
]


def _check_neighbours() -> None:
    """Check that the packages that belong to this one are those that would be imported.

    Raises:
        ImportError: If another package or folder of that name comes first on the path.
    """
    home = Path(__file__).resolve().parents[1]
    for name in ("envs", "baselines"):
        spec = find_spec(name)
        found = spec and (spec.origin or next(iter(spec.submodule_search_locations or ()), None))
        if spec is None or spec.origin is None or Path(spec.origin).resolve().parents[1] != home:
            raise ImportError(
                f"package {name!r} is {found!r}, and not bellman-bench's in {str(home)!r}: "
                "another comes first on Python's path; run elsewhere, rename it, or install "
                "bellman-bench in an environment of its own"
            )


_check_neighbours()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
