"""Reader of HDF5 files in the layouts of D4RL and d3rlpy, without either package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
from numpy.typing import NDArray

from envs.formats.base import Format
from envs.formats.columns import Columns
from envs.formats.hdf5.d3rlpy import KIND_FLAG, holds_episodes, kind_of, read_episodes
from envs.formats.hdf5.d4rl_tasks import Task, find_task
from envs.formats.hdf5.size import fits_in_file
from envs.formats.named_arrays import find_names, note_names, to_columns
from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.classes.reading import AS_STORED, ActionKind, Reading
from harness.core.errors import InputError

# h5py raises nearly any error for damaged files.
_DAMAGE = (LookupError, MemoryError, OSError, OverflowError, RuntimeError, TypeError, ValueError)


class D4RLFormat(Format):
    """HDF5 files of D4RL, of d3rlpy, or with one array per field and one row per step."""

    name: ClassVar[str] = "d4rl"
    suffixes: ClassVar[tuple[str, ...]] = (".hdf5", ".h5")
    takes_names: ClassVar[bool] = True

    def read(self, path: str, reading: Reading = AS_STORED) -> Recording:
        """Read the file; see `read_d4rl`."""
        return read_d4rl(path, reading)


def read_d4rl(path: str, reading: Reading = AS_STORED) -> Recording:
    """Read an HDF5 file with flat arrays at its root, or with the episodes of a replay buffer.

    D4RL's ``observations (N, obs_dim)``, ``actions (N, action_dim)`` or discrete ``(N,)``,
    ``rewards (N,)``, ``terminals (N,)``, ``timeouts (N,)`` and ``next_observations (N, obs_dim)``,
    d3rlpy 1's ``episode_terminals (N,)`` and whatever else `to_columns` knows are read; other
    arrays and groups are ignored. Where a file of D4RL has neither timeouts nor next observations,
    episodes are cut at the time limit of the task that it is named after, as in D4RL; its
    reference scores are D4RL's. Files of d3rlpy 2's ``ReplayBuffer.dump`` hold an array for each
    field and episode, see `read_episodes`.

    Args:
        path: Path of the file; of D4RL, named after its task, as in ``hopper-medium-v2.hdf5``.
        reading: Names of its arrays, and the kind and number of actions, if they must be said.

    Raises:
        InputError: If the file is missing, damaged or has another layout, or episode boundaries are
        unknown.
    """
    if not Path(path).is_file():
        raise InputError(f"no file {path!r}: give the path of an existing HDF5 file")
    with _damage_explained(path), h5py.File(path, "r") as file:
        if holds_episodes(file):
            kind, columns = None, read_episodes(path, file, partial(_read, path, file), reading.map)
        else:
            kind, columns = _read_flat(path, file, reading)
    task = find_task(path)
    columns.time_limit = task.time_limit if task else None
    reference = _reference(columns, task, reading)
    return columns.to_recording(reference, reading.action_count, reading.actions or kind)


def _read_flat(path: str, file: h5py.File, reading: Reading) -> tuple[ActionKind | None, Columns]:
    """Read flat arrays, and which kind the file says that its actions are."""
    names = find_names(path, file.keys(), reading.map)
    named = {ours: _read(path, file, theirs) for ours, theirs in names.items()}
    kind = kind_of(_read(path, file, KIND_FLAG)) if KIND_FLAG in file else None
    held = [name for name in file if name != KIND_FLAG]
    return kind, to_columns(path, named, note_names(names, held))


def _read(path: str, file: h5py.File, name: str) -> NDArray[Any]:
    """Read an HDF5 dataset directly into one array.

    Raises:
        InputError: If it is not a dataset, is in other files, is not numeric, or claims more values
        than the file has room for.
    """
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "biuf":
        kind = dataset.dtype if isinstance(dataset, h5py.Dataset) else type(dataset).__name__
        raise InputError(
            f"{path!r}: {name} is of type {kind}, but must be an array of numbers; convert it"
        )
    if dataset.file != file or dataset.is_virtual or dataset.external:
        raise InputError(f"{path!r}: {name} lies in another file; copy the values into this one")
    if not fits_in_file(dataset.id, Path(path).stat().st_size):
        raise InputError(
            f"{path!r}: {name} of shape {dataset.shape} is larger than its file has room for: "
            "values were never written or are damaged; write it again"
        )
    return np.asarray(dataset[()])


def _reference(columns: Columns, task: Task | None, reading: Reading) -> Reference:
    if task is None:
        return Reference()
    same = task.obs_dim is not None and columns.observations.shape[1:] == (task.obs_dim,)
    if same and reading.environment is None:
        columns.notes.append(
            f"played in {task.environment_id}, whose dynamics differ a little from D4RL's own "
            "environment: scores compare only roughly with those published"
        )
    return Reference(
        environment_id=task.environment_id if same else None,
        reference_min=task.reference_min,
        reference_max=task.reference_max,
    )


@contextmanager
def _damage_explained(path: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except _DAMAGE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{path!r} is not a readable HDF5 file ({reason}): repair or download it again"
        ) from error
