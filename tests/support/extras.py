"""Skipping of tests whose extra is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

MODULES = {"box2d": "Box2D", "mujoco": "mujoco"}  # looked up, not imported: Box2D's import warns
EXTRAS = {"box2d": "box2d", "mujoco-bench": "mujoco"}  # by the first word of an embedded id


def needs(extra: str) -> pytest.MarkDecorator:
    """Skip a test where an extra is not installed."""
    missing = find_spec(MODULES[extra]) is None
    return pytest.mark.skipif(missing, reason=f"the extra {extra} is not installed")


def needs_of(dataset_id: str) -> list[pytest.MarkDecorator]:
    """Skip a test where the extra that an embedded dataset needs is not installed."""
    extra = EXTRAS.get(dataset_id.partition("/")[0])
    return [] if extra is None else [needs(extra)]
