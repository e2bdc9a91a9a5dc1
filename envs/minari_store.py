"""Reading and writing Minari datasets; the only module that knows Minari."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import minari
import numpy as np
from gymnasium.spaces import Box, Discrete
from minari.data_collector import EpisodeBuffer
from minari.namespace import create_namespace, list_local_namespaces
from minari.storage import get_dataset_path

from envs.episodes import Episode, join_episodes, no_episode
from envs.reference import Reference
from envs.spaces import discrete, flat_size
from harness.errors import InputError
from harness.transitions import Transitions

ROOT_VARIABLE = "MINARI_DATASETS_PATH"
WEIGHT_INFO = "transition_weight"  # key of the infos that hold a weight for each step
# No part may begin with a dot: neither `..` nor a hidden staging folder is a dataset.
_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")
_root_lock = threading.RLock()


def datasets_root() -> Path:
    """Return the folder of local Minari datasets, made if it was missing.

    Raises:
        InputError: If it cannot be made.
    """
    with _root_lock:
        try:
            return Path(get_dataset_path())
        except OSError as error:
            raise _unusable_root(error) from error


def is_stored(dataset_id: str) -> bool:
    """Tell whether a dataset of that id lies below the root, sound or not.

    Raises:
        InputError: If the id could lead out of the root.
    """
    if not _ID.fullmatch(dataset_id):
        raise InputError(
            f"dataset id {dataset_id!r}: an id is words of letters, digits, '_', '-', '.' joined "
            "by '/', such as 'classic/cartpole/medium-v0'; give an id or the path of an .npz file"
        )
    try:
        return (datasets_root() / dataset_id / "data").exists()
    except OSError:  # a name longer than the file system takes
        return False


def stored_ids() -> list[str]:
    """Return the ids of the datasets below the root, sorted."""
    root = datasets_root()
    found = (path.parent.relative_to(root).as_posix() for path in root.rglob("data"))
    return sorted(dataset_id for dataset_id in found if _ID.fullmatch(dataset_id))


@dataclass(frozen=True, eq=False)
class StoredDataset:
    """An open dataset, of which nothing but the metadata has been read."""

    dataset_id: str
    obs_dim: int
    action_count: int
    episode_count: int
    reference: Reference
    _first_action: int
    _data: minari.MinariDataset

    def episodes(self, first: int, end: int) -> Iterator[Episode]:
        """Read the episodes ``first, …, end - 1`` one at a time.

        Raises:
            InputError: If one is damaged.
        """
        with _damage_explained(self.dataset_id):
            for data in self._data.iterate_episodes(range(first, end)):
                yield _from_minari(data, self._first_action)

    def join(self, episodes: Sequence[Episode], first: int) -> Transitions:
        """Lay episodes end to end, the first numbered ``first``; see `join_episodes`."""
        return join_episodes(episodes, self.obs_dim, self.action_count, self.dataset_id, first)


def open_stored(dataset_id: str) -> StoredDataset:
    """Open a stored dataset and check its spaces.

    Raises:
        InputError: If it is damaged, or its spaces are not flat observations and discrete actions.
    """
    with _damage_explained(dataset_id):
        dataset = minari.MinariDataset(datasets_root() / dataset_id / "data")
    obs_dim = flat_size(dataset.observation_space, dataset_id)
    actions = discrete(dataset.action_space, dataset_id)
    with _damage_explained(dataset_id):
        metadata, episode_count = dataset.storage.metadata, int(dataset.total_episodes)
    if not episode_count:
        raise no_episode(dataset_id)
    reference = {
        "environment_id": dataset.env_spec.id if dataset.env_spec else None,
        "reference_min": metadata.get("ref_min_score"),
        "reference_max": metadata.get("ref_max_score"),
    }
    return StoredDataset(
        dataset_id=dataset_id,
        obs_dim=obs_dim,
        action_count=int(actions.n),
        episode_count=episode_count,
        reference=Reference.parse(reference, dataset_id),
        _first_action=int(actions.start),
        _data=dataset,
    )


def read_dataset(dataset_id: str) -> tuple[Transitions, Reference]:
    """Read a stored dataset: one row for each step of each episode.

    Raises:
        InputError: If it is damaged, its spaces are not flat observations and discrete actions,
            or an episode is malformed.
    """
    stored = open_stored(dataset_id)
    episodes = list(stored.episodes(0, stored.episode_count))
    return stored.join(episodes, 0), stored.reference


def write_dataset(
    dataset_id: str,
    episodes: Sequence[Episode],
    reference: Reference,
    *,
    algorithm: str,
    description: str,
    spaces: tuple[Box, Discrete] | None = None,
    metadata: Mapping[str, Any] | None = None,
    refuse_existing: bool = False,
) -> Path:
    """Write a dataset, whole or not at all, and return its folder.

    If another process has meanwhile written the same id, that copy stays and this one goes.

    Args:
        dataset_id: A Minari id: namespace, name and version.
        episodes: Episodes whose actions count from 0.
        reference: The environment and the scores, as far as they are known.
        algorithm: The behaviour policy.
        description: What the dataset is.
        spaces: Of observations and actions; those of the environment unless given.
        metadata: More for the dataset's metadata.
        refuse_existing: Complain of a copy that another process has written.

    Raises:
        InputError: If the root cannot be written, something else occupies the dataset's folder, or
            a copy is there and shall be refused.
    """
    observation_space, action_space = spaces or (None, None)
    root = datasets_root()
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=root) as staging:
            with _minari_root(Path(staging)), _without_wishes():
                dataset = minari.create_dataset_from_buffers(
                    dataset_id,
                    buffer=[_to_minari(episode) for episode in episodes],
                    env=reference.environment_id,
                    eval_env=reference.environment_id,
                    algorithm_name=algorithm,
                    author="bellman-bench",
                    description=description,
                    observation_space=observation_space,
                    action_space=action_space,
                )
                dataset.storage.update_metadata(_scores(reference) | dict(metadata or {}))
            _create_namespace(dataset_id.rpartition("/")[0])
            _publish(Path(staging, dataset_id), root / dataset_id, refuse_existing)
    except OSError as error:
        raise _unusable_root(error) from error
    return root / dataset_id


def _scores(reference: Reference) -> dict[str, float]:
    # Of a lone score as an argument, Minari drops one and plays a random policy beside the other.
    named = [("ref_min_score", reference.reference_min), ("ref_max_score", reference.reference_max)]
    return {name: score for name, score in named if score is not None}


def existing_dataset(dataset_id: str) -> InputError:
    """Build the error for an id that is taken."""
    return InputError(
        f"dataset {dataset_id!r} exists already and is never overwritten: choose another version "
        f"or delete {str(datasets_root() / dataset_id)!r}"
    )


def _publish(staged: Path, target: Path, refuse_existing: bool) -> None:
    try:
        staged.rename(target)
    except OSError as error:
        if not (target / "data").exists():
            raise InputError(
                f"{str(target)!r} holds no dataset but is not empty: a new dataset needs that "
                "place; move or delete the folder"
            ) from error
        if refuse_existing:
            raise existing_dataset(target.relative_to(datasets_root()).as_posix()) from error


def _create_namespace(namespace: str) -> None:
    with _root_lock:
        if namespace not in list_local_namespaces():
            with suppress(ValueError):  # another process made it since
                create_namespace(namespace)


@contextmanager
def _minari_root(root: Path) -> Iterator[None]:
    # Minari writes below the root that the environment names, and nowhere else; the lock keeps
    # other threads from taking the staging folder for the root.
    with _root_lock:
        previous = os.environ.get(ROOT_VARIABLE)
        os.environ[ROOT_VARIABLE] = str(root)
        try:
            yield
        finally:
            if previous is None:
                del os.environ[ROOT_VARIABLE]
            else:
                os.environ[ROOT_VARIABLE] = previous


@contextmanager
def _without_wishes() -> Iterator[None]:
    """Silence Minari's wish for an address, an e-mail and an environment where there are none."""
    with warnings.catch_warnings():
        for wish in ("`(code_permalink|author_email|eval_env)` is set to None", "env_spec is None"):
            warnings.filterwarnings("ignore", wish)
        yield


@contextmanager
def _damage_explained(dataset_id: str) -> Iterator[None]:
    # Minari and h5py meet damaged files with nearly any error, bare assertions included.
    damage = (AssertionError, AttributeError, ImportError, LookupError, OSError, RuntimeError)
    try:
        yield
    except (*damage, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{str(datasets_root() / dataset_id)!r} is not a readable Minari dataset ({reason}): "
            "repair it, or delete that folder and collect or download the dataset again"
        ) from error


def _from_minari(data: Any, first_action: int) -> Episode:
    return Episode(
        observations=data.observations,
        actions=data.actions - np.int64(first_action),
        rewards=data.rewards,
        terminations=data.terminations,
        truncations=data.truncations,
        weights=(data.infos or {}).get(WEIGHT_INFO),
    )


def _to_minari(episode: Episode) -> EpisodeBuffer:
    return EpisodeBuffer(
        seed=episode.seed,
        observations=episode.observations,
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=episode.terminations,
        truncations=episode.truncations,
        # Minari cannot print an episode whose infos are None.
        infos={} if episode.weights is None else {WEIGHT_INFO: episode.weights},
    )


def _unusable_root(error: OSError) -> InputError:
    return InputError(
        f"the folder of Minari datasets cannot be used ({error}): it must be writable and have "
        f"room; set {ROOT_VARIABLE} to such a folder"
    )
