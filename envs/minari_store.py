"""Reading and writing Minari datasets; the only module that knows Minari."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import minari
import numpy as np
from gymnasium.spaces import Box, Discrete, Space
from minari.data_collector import EpisodeBuffer
from minari.namespace import create_namespace, list_local_namespaces
from minari.storage import get_dataset_path

from envs.episodes import Episode, join_episodes
from envs.reference import Reference
from harness.errors import InputError
from harness.transitions import Transitions

ROOT_VARIABLE = "MINARI_DATASETS_PATH"
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


def read_dataset(dataset_id: str) -> tuple[Transitions, Reference]:
    """Read a stored dataset: one row for each step of each episode.

    Raises:
        InputError: If it is damaged, its spaces are not flat observations and discrete actions,
            or an episode is malformed.
    """
    with _damage_explained(dataset_id):
        dataset = minari.MinariDataset(datasets_root() / dataset_id / "data")
    obs_dim = _obs_dim(dataset.observation_space, dataset_id)
    actions = _discrete(dataset.action_space, dataset_id)
    with _damage_explained(dataset_id):
        episodes = [_from_minari(data, int(actions.start)) for data in dataset.iterate_episodes()]
        metadata = dataset.storage.metadata
    reference = {
        "environment_id": dataset.env_spec.id if dataset.env_spec else None,
        "reference_min": metadata.get("ref_min_score"),
        "reference_max": metadata.get("ref_max_score"),
    }
    transitions = join_episodes(episodes, obs_dim, int(actions.n), dataset_id)
    return transitions, Reference.parse(reference, dataset_id)


def write_dataset(
    dataset_id: str,
    episodes: Sequence[Episode],
    reference: Reference,
    *,
    algorithm: str,
    description: str,
) -> Path:
    """Write a dataset, whole or not at all, and return its folder.

    If another process has meanwhile written the same id, that copy stays and this one goes.

    Args:
        dataset_id: A Minari id: namespace, name and version.
        episodes: Episodes whose actions count from 0.
        reference: The environment and the scores, none of them missing.
        algorithm: The behaviour policy.
        description: What the dataset is.

    Raises:
        InputError: If the root cannot be written or something else occupies the dataset's folder.
    """
    root = datasets_root()
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=root) as staging:
            with _minari_root(Path(staging)), _without_contact_warnings():
                minari.create_dataset_from_buffers(
                    dataset_id,
                    buffer=[_to_minari(episode) for episode in episodes],
                    env=reference.environment_id,
                    eval_env=reference.environment_id,
                    algorithm_name=algorithm,
                    author="bellman-bench",
                    ref_min_score=reference.reference_min,
                    ref_max_score=reference.reference_max,
                    description=description,
                )
            _create_namespace(dataset_id.rpartition("/")[0])
            _publish(Path(staging, dataset_id), root / dataset_id)
    except OSError as error:
        raise _unusable_root(error) from error
    return root / dataset_id


def _publish(staged: Path, target: Path) -> None:
    try:
        staged.rename(target)
    except OSError as error:
        if not (target / "data").exists():
            raise InputError(
                f"{str(target)!r} holds no dataset but is not empty: a new dataset needs that "
                "place; move or delete the folder"
            ) from error


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
def _without_contact_warnings() -> Iterator[None]:
    """Silence Minari's wish for a web address and an e-mail, of which there are none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`(code_permalink|author_email)` is set to None")
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


def _obs_dim(observations: Space[Any], dataset_id: str) -> int:
    if not (isinstance(observations, Box) and len(observations.shape) == 1):
        raise InputError(
            f"{dataset_id!r} has observations {_one_line(observations)}: the rule is a Box of one "
            "dimension; flatten them first"
        )
    return observations.shape[0]


def _discrete(actions: Space[Any], dataset_id: str) -> Discrete:
    if isinstance(actions, Box):
        raise InputError(
            f"{dataset_id!r} has continuous actions {_one_line(actions)}: the rule is Discrete; "
            "discretise them first"
        )
    if not isinstance(actions, Discrete):
        raise InputError(
            f"{dataset_id!r} has actions {_one_line(actions)}: the rule is Discrete; "
            "number their combinations first"
        )
    return actions


def _one_line(space: Space[Any]) -> str:
    return " ".join(str(space).split())


def _from_minari(data: Any, first_action: int) -> Episode:
    return Episode(
        observations=data.observations,
        actions=data.actions - np.int64(first_action),
        rewards=data.rewards,
        terminations=data.terminations,
        truncations=data.truncations,
    )


def _to_minari(episode: Episode) -> EpisodeBuffer:
    return EpisodeBuffer(
        seed=episode.seed,
        observations=episode.observations,
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=episode.terminations,
        truncations=episode.truncations,
        infos={},  # Minari cannot print an episode whose infos are None
    )


def _unusable_root(error: OSError) -> InputError:
    return InputError(
        f"the folder of Minari datasets cannot be used ({error}): it must be writable and have "
        f"room; set {ROOT_VARIABLE} to such a folder"
    )
