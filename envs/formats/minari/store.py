"""Reading and writing of Minari datasets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

import minari
import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from envs.formats.base import Format
from envs.formats.episodes import Episode, fill_rows, join_episodes, no_episode
from envs.formats.minari import hdf5 as minari_hdf5
from envs.formats.minari.environments import describe_environments, read_environments
from envs.formats.minari.root import (
    datasets_root,
    existing_dataset,
    is_stored,
    minari_root,
    staged,
    stored_ids,
)
from envs.formats.recording import Recording
from envs.formats.spaces import check_actions, flat_size, flatten_steps
from envs.reference import Reference
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.errors import InputError

__all__ = [
    "StoredDataset",
    "datasets_root",
    "existing_dataset",
    "is_stored",
    "open_stored",
    "read_recording",
    "stored_ids",
    "write_dataset",
]

CODEBOOK_KEY: Final = "bellman_bench_codebook"  # in the metadata
WEIGHT_INFO: Final = "transition_weight"  # key in infos of the weight of each step


@dataclass(frozen=True, eq=False)
class StoredDataset:
    """An open Minari dataset, of which only the metadata has been read."""

    dataset_id: str
    obs_dim: int
    action_count: int | None  # None: continuous
    episode_count: int
    row_count: int
    reference: Reference
    _observation_space: Space[Any]
    _action_space: Box | Discrete
    _data: minari.MinariDataset

    def episodes(self, first: int, end: int) -> Iterator[Episode]:
        """Read the episodes ``first, …, end - 1`` one at a time.

        Raises:
            InputError: If one is damaged.
        """
        for number, content in enumerate(self._read(range(first, end)), first):
            yield self._to_episode(content, f"{self.dataset_id!r}, episode {number}")

    def join(self, episodes: Sequence[Episode], first: int) -> Recording:
        """Concatenate episodes, the first numbered ``first``; see `join_episodes`."""
        return join_episodes(
            episodes, self.obs_dim, self.action_count, self.dataset_id, first, self.reference
        )

    def _read(self, numbers: range) -> Iterator[Mapping[str, Any]]:
        storage = self._data.storage
        with _damage_explained(self.dataset_id):
            if storage.FORMAT == "hdf5":
                yield from minari_hdf5.iterate_episodes(
                    storage.data_path, self._observation_space, numbers, WEIGHT_INFO
                )
                return
            known = storage.get_episode_metadata(numbers)
            for content, facts in zip(storage.get_episodes(numbers), known, strict=True):
                weights = (content["infos"] or {}).get(WEIGHT_INFO)
                yield content | {"seed": facts.get("seed"), WEIGHT_INFO: weights}

    def _to_episode(self, content: Mapping[str, Any], where: str) -> Episode:
        actions = self._to_actions(np.asarray(content["actions"]), where)
        steps = len(actions) if self.action_count is None else actions.size
        observations = flatten_steps(
            self._observation_space,
            content["observations"],
            steps + 1,
            steps=steps,
            name="observations",
            where=where,
        )
        return Episode(
            observations=observations,
            actions=actions,
            rewards=content["rewards"],
            terminations=content["terminations"],
            truncations=content["truncations"],
            seed=content["seed"],
            weights=content[WEIGHT_INFO],
        )

    def _to_actions(self, values: Any, where: str) -> Any:
        space = self._action_space
        if isinstance(space, Discrete):
            numeric = values.dtype.kind in "biuf"  # `check_episode` refuses others
            return values - np.int64(space.start) if numeric else values
        steps = len(values)
        return flatten_steps(space, values, steps, steps=steps, name="actions", where=where)


class MinariFormat(Format):
    """Minari datasets in Minari's local folder, named by id."""

    name: ClassVar[str] = "minari"

    def read(self, path: str, reading: Reading = AS_STORED) -> Recording:  # noqa: ARG002
        """Read a stored dataset by its id; see `read_recording`."""
        return read_recording(path)


def open_stored(dataset_id: str) -> StoredDataset:
    """Open a stored dataset and check its spaces.

    Raises:
        InputError: If it is damaged, or its spaces cannot be flattened.
    """
    with _damage_explained(dataset_id):
        dataset = minari.MinariDataset(datasets_root() / dataset_id / "data")
    obs_dim = flat_size(dataset.observation_space, dataset_id)
    actions = check_actions(dataset.action_space, dataset_id)
    with _damage_explained(dataset_id):
        metadata, episode_count = dataset.storage.metadata, int(dataset.total_episodes)
        row_count = int(dataset.total_steps)
        # Minari itself shows the latter only as an environment that it has made.
        environments = read_environments(dataset.env_spec, dataset._eval_env_spec)
    if not episode_count:
        raise no_episode(dataset_id)
    reference = {
        **environments,
        "reference_min": metadata.get("ref_min_score"),
        "reference_max": metadata.get("ref_max_score"),
        "codebook": metadata.get(CODEBOOK_KEY),
        "action_start": int(actions.start) if isinstance(actions, Discrete) else 0,
    }
    return StoredDataset(
        dataset_id=dataset_id,
        obs_dim=obs_dim,
        action_count=int(actions.n) if isinstance(actions, Discrete) else None,
        episode_count=episode_count,
        row_count=row_count,
        reference=Reference.parse(reference, dataset_id),
        _observation_space=dataset.observation_space,
        _action_space=actions,
        _data=dataset,
    )


def read_recording(dataset_id: str) -> Recording:
    """Read a stored dataset, HDF5, Arrow or Parquet: one row for each step of each episode.

    Observations and continuous actions are flattened.

    Raises:
        InputError: If it is damaged, its spaces cannot be flattened, or an episode is malformed.
    """
    stored = open_stored(dataset_id)
    return fill_rows(
        stored.episodes(0, stored.episode_count),
        stored.row_count,
        stored.obs_dim,
        stored.action_count,
        dataset_id,
        reference=stored.reference,
    )


def write_dataset(
    dataset_id: str,
    episodes: Iterable[Episode],
    reference: Reference,
    *,
    algorithm: str,
    description: str,
    spaces: tuple[Box, Box | Discrete] | None = None,
    metadata: Mapping[str, Any] | None = None,
    refuse_existing: bool = False,
) -> Path:
    """Write a Minari dataset, atomically, and return its folder.

    If another process has written the same id in the meantime, that copy is kept.

    Args:
        dataset_id: A Minari id: namespace, name and version.
        episodes: Episodes whose actions are integers from 0, or continuous.
        reference: The environment and the scores, as far as known, and where the space of discrete
            actions starts.
        algorithm: The behaviour policy.
        description: A description of the dataset.
        spaces: Of observations and actions; by default those of the environment.
        metadata: Further metadata.
        refuse_existing: Whether a copy written by another process is an error.

    Raises:
        InputError: If the root cannot be written, the dataset's folder is occupied by something
        else, a copy exists and ``refuse_existing`` is set, or an environment cannot be made.
    """
    recorded_in, evaluated = describe_environments(reference)
    episodes = [_numbered(episode, reference.action_start) for episode in episodes]
    observation_space, action_space = spaces or (None, None)
    with (
        staged(dataset_id, "writing", refuse_existing=refuse_existing) as staging,
        minari_root(staging),
        _without_wishes(),
    ):
        dataset = minari.create_dataset_from_buffers(
            dataset_id,
            buffer=[],
            env=recorded_in,
            eval_env=evaluated,
            algorithm_name=algorithm,
            author="bellman-bench",
            description=description,
            observation_space=observation_space,
            action_space=action_space,
        )
        storage = dataset.storage
        content = minari_hdf5.pack_episodes(episodes, WEIGHT_INFO)
        (storage.data_path / minari_hdf5.FILE_NAME).write_bytes(content)
        storage.update_metadata(
            {
                "total_episodes": len(episodes),
                "total_steps": sum(len(episode.rewards) for episode in episodes),
                "dataset_size": storage.get_size(),
            }
            | _to_metadata(reference)
            | dict(metadata or {})
        )
    return datasets_root() / dataset_id


def _to_metadata(reference: Reference) -> dict[str, Any]:
    # Given only one score, Minari drops it or runs a random policy for the other.
    named = {
        "ref_min_score": reference.reference_min,
        "ref_max_score": reference.reference_max,
        CODEBOOK_KEY: reference.codebook,
    }
    return {name: value for name, value in named.items() if value is not None}


@contextmanager
def _without_wishes() -> Iterator[None]:
    """Silence Minari's warnings about a missing address, e-mail and environment.

    And gymnasium's about outdated versions of an environment: a dataset belongs to its version.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)
        for wish in ("`(code_permalink|author_email|eval_env)` is set to None", "env_spec is None"):
            warnings.filterwarnings("ignore", wish)
        yield


@contextmanager
def _damage_explained(dataset_id: str) -> Iterator[None]:
    # Minari and h5py raise nearly any error for damaged files, including bare assertions.
    damage = (AssertionError, AttributeError, LookupError, MemoryError, OSError, RuntimeError)
    try:
        yield
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{str(datasets_root() / dataset_id)!r} cannot be read without a library that is not "
            f"installed ({reason}): Arrow and Parquet need the extra bellman-bench[arrow]"
        ) from error
    except (*damage, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{str(datasets_root() / dataset_id)!r} is not a readable Minari dataset ({reason}): "
            "repair it, or delete that folder and collect or download the dataset again"
        ) from error


def _numbered(episode: Episode, action_start: int) -> Episode:
    """Number discrete actions as the environment does, from its start."""
    if episode.actions.ndim > 1:
        return episode
    return replace(episode, actions=episode.actions + action_start)
