"""Embedded datasets for tests: a few episodes of one, and skipping where its extra is missing."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from envs.catalogue import embedded_dataset
from envs.embedded.collect import collect_episodes
from envs.embedded.tiers import episode_behaviours
from envs.environment import EXTRA_MODULES
from envs.formats.minari.store import write_dataset
from envs.reference import Reference

EXTRAS = {"box2d": "box2d", "mujoco-bench": "mujoco"}  # by the first word of an embedded id


def needs(extra: str) -> pytest.MarkDecorator:
    """Skip a test where an extra is not installed."""
    # looked up, not imported: Box2D's import warns
    missing = not all(map(find_spec, EXTRA_MODULES[extra]))
    return pytest.mark.skipif(missing, reason=f"the extra {extra} is not installed")


def needs_of(dataset_id: str) -> list[pytest.MarkDecorator]:
    """Skip a test where the extra that an embedded dataset needs is not installed."""
    extra = EXTRAS.get(dataset_id.partition("/")[0])
    return [] if extra is None else [needs(extra)]


def store_small(dataset_id: str, episodes: int) -> None:
    """Store a dataset of few episodes, with scores from -500 to 500."""
    dataset = embedded_dataset(dataset_id)
    assert dataset is not None
    behaviours = episode_behaviours(dataset.environment, dataset.tier, episodes)
    about = Reference(
        environment_id=dataset.environment.environment_id,
        reference_min=-500.0,
        reference_max=500.0,
    )
    played = collect_episodes(dataset.environment, behaviours, dataset_id)
    write_dataset(dataset_id, played, about, algorithm="", description="")
