"""Fast reader and compact writer of the episodes in a Minari dataset's HDF5 file.

Minari's own reader also opens every array of every info, and spends half of its time building
Python objects: this one uses the file's low-level handles. Its own writer gives every array a chunk
of a kilobyte or more, which is fourteen for an episode of one step, and it writes to the disk by
HDF5, which ends the process where the disk is full: this one lays the file out in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from gymnasium.spaces import Dict, Space, Tuple
from h5py import h5d, h5g, h5i, h5p, h5s
from numpy.typing import NDArray

from envs.formats.episodes import Episode
from envs.formats.hdf5.size import fits_in_file

FILE_NAME: Final = "main_data.hdf5"
INDEX_BYTES: Final = 1 << 20  # maximum cache of the file's index; HDF5's default is 32 MiB
STEP_ARRAYS: Final = ("actions", "rewards", "terminations", "truncations")
COMPACT_BYTES: Final = 1 << 12  # up to so many, an array is kept in its header; HDF5 allows 64 KiB


def iterate_episodes(
    data: Path, observations: Space[Any], numbers: Iterable[int], info: str
) -> Iterator[dict[str, Any]]:
    """Read episodes one at a time.

    Args:
        data: The dataset's folder ``data``.
        observations: The space of observations, none of them text or images.
        numbers: Numbers of the episodes to read.
        info: Key of the info to read.

    Yields:
        Observations ``(T+1, …)`` as arrays or dicts and tuples of them; actions, rewards,
        terminations and truncations ``(T, …)``; the info or None; and the seed or None.
    """
    with h5py.File(data / FILE_NAME, "r") as file:
        _keep_little(file)
        for number in numbers:
            group = h5g.open(file.id, f"episode_{number}".encode())
            episode = {name: _read_array(group, name) for name in STEP_ARRAYS}
            seed = h5py.Group(group).attrs.get("seed")
            yield episode | {
                "observations": _read_tree(group, "observations", observations),
                "seed": None if seed is None else int(seed),
                info: _read_info(group, info),
            }


def pack_episodes(episodes: Iterable[Episode], info: str) -> bytes:
    """Lay out the HDF5 file of a Minari dataset in memory.

    Args:
        episodes: The episodes.
        info: Key in the infos of the weights of steps, of episodes that have any.
    """
    compact = h5p.create(h5p.DATASET_CREATE)
    compact.set_layout(h5d.COMPACT)
    with h5py.File(FILE_NAME, "w", driver="core", backing_store=False, libver="latest") as file:
        for number, episode in enumerate(episodes):
            group = file.create_group(f"episode_{number}")
            group.attrs["id"] = number
            group.attrs["total_steps"] = len(episode.rewards)
            if episode.seed is not None:
                group.attrs["seed"] = episode.seed
            group.create_group("infos")  # Minari cannot print an episode without
            for name, array in _stored_arrays(episode, info).items():
                layout = compact if array.nbytes <= COMPACT_BYTES else None
                group.create_dataset(name, data=array, dcpl=layout)
        file.flush()
        return bytes(file.id.get_file_image())


def _stored_arrays(episode: Episode, info: str) -> Mapping[str, NDArray[Any]]:
    arrays = {name: np.asarray(getattr(episode, name)) for name in ("observations", *STEP_ARRAYS)}
    return arrays if episode.weights is None else {**arrays, f"infos/{info}": episode.weights}


def _read_tree(group: h5g.GroupID, name: str, space: Space[Any]) -> Any:
    if isinstance(space, Dict):
        inner = h5g.open(group, name.encode())
        return {key: _read_tree(inner, key, part) for key, part in space.spaces.items()}
    if isinstance(space, Tuple):
        inner = h5g.open(group, name.encode())
        parts = enumerate(space.spaces)
        return tuple(_read_tree(inner, f"_index_{place}", part) for place, part in parts)
    return _read_array(group, name)


def _read_info(group: h5g.GroupID, name: str) -> NDArray[Any] | None:
    if b"infos" not in group:
        return None
    infos = h5g.open(group, b"infos")
    return _read_array(infos, name) if name.encode() in infos else None


def _read_array(group: h5g.GroupID, name: str) -> NDArray[Any]:
    stored = h5d.open(group, name.encode())
    if not fits_in_file(stored, h5i.get_file_id(stored).get_filesize()):
        raise OSError(f"{name} of shape {stored.shape} is larger than its file has room for")
    array = np.empty(stored.shape, stored.dtype)
    stored.read(h5s.ALL, h5s.ALL, array)
    return array


def _keep_little(file: h5py.File) -> None:
    """Limit the cache of the file's index, since every episode is read only once."""
    config = file.id.get_mdc_config()
    config.set_initial_size = True
    config.initial_size = config.min_size = config.max_size = INDEX_BYTES
    file.id.set_mdc_config(config)
