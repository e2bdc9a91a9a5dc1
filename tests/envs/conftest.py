from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Space
from minari.data_collector import EpisodeBuffer

from envs.embedded.collect import collect

MEDIUM_IDS = [
    f"classic/{environment}/medium-v0"
    for environment in ("cartpole", "mountaincar", "acrobot", "pendulum")
]


@pytest.fixture(scope="session")
def _medium_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("medium")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        for dataset_id in MEDIUM_IDS:
            collect(dataset_id)
    return root


@pytest.fixture
def medium_root(_medium_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with the medium set of each environment; read only."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(_medium_root))
    return _medium_root


@pytest.fixture
def empty_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "datasets"
    root.mkdir()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    return root


@pytest.fixture
def write_minari(empty_root: Path) -> Callable[..., str]:  # noqa: ARG001
    """Write a dataset straight through Minari, which checks no lengths; return its id."""

    def write(
        *episodes: dict[str, Any],
        observation_space: Space[Any] | None = None,
        action_space: Space[Any] | None = None,
        dataset_id: str = "made/by-hand-v0",
        **metadata: Any,
    ) -> str:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            minari.create_dataset_from_buffers(
                dataset_id,
                buffer=[EpisodeBuffer(**episode, infos={}) for episode in episodes],
                observation_space=observation_space or Box(-9, 9, (2,), np.float32),
                action_space=action_space or Discrete(3),
                **metadata,
            )
        return dataset_id

    return write


@pytest.fixture
def sound_episode() -> dict[str, Any]:
    """Three steps that end in a termination, as Minari's buffers want them."""
    return {
        "observations": np.arange(8, dtype=np.float32).reshape(4, 2),
        "actions": np.array([0, 2, 1]),
        "rewards": np.array([1.0, 2.0, 3.0]),
        "terminations": np.array([False, False, True]),
        "truncations": np.zeros(3, dtype=bool),
    }
