"""Provenance of records: software versions, commit and processor."""

from __future__ import annotations

import platform
import subprocess
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.core.records import Provenance

PACKAGES = (
    "bellman-bench",
    "box2d",
    "coreax",
    "d3rlpy",
    "gymnasium",
    "gymnasium-robotics",
    "jax",
    "minari",
    "mujoco",
    "numpy",
    "pydantic",
    "scikit-learn",
    "scipy",
    "torch",
)
SOURCES = Path(__file__).parents[2]  # root of the checkout, if run from one


@cache
def take_provenance() -> Provenance:
    """Return interpreter, packages, commit and processor of this process."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):  # some are optional
            versions[name] = version(name)
    inside = _git("ls-files", "--error-unmatch", "harness/execution/provenance.py") is not None
    changes = _git("status", "--porcelain", "--", "harness", "envs", "baselines")
    return Provenance(
        versions=versions,
        commit=_git("rev-parse", "HEAD") if inside else None,
        dirty=bool(changes) if inside else None,
        platform=f"{platform.system()} {platform.machine()}",
        threads=1,
        cpu=_cpu(),
    )


def _cpu() -> str:
    """Model of the processor, as named by Linux; else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _git(*arguments: str) -> str | None:
    """Output of a git command at the sources, or None if it fails or git is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(SOURCES), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
