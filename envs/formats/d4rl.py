"""Reader of D4RL's HDF5 files, without the d4rl package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
from numpy.typing import NDArray

from envs.formats.arrays import as_actions, as_flags, as_scalars, as_vectors
from envs.formats.base import NO_NAMES, Format
from envs.formats.columns import Columns, find_jumps
from envs.formats.d4rl_tasks import Task, find_task
from envs.formats.hdf5_size import fits_in_file
from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.arrays import BoolArray
from harness.core.errors import InputError

_REQUIRED = ("observations", "actions", "rewards", "terminals")
# h5py raises nearly any error for damaged files.
_DAMAGE = (LookupError, MemoryError, OSError, OverflowError, RuntimeError, TypeError, ValueError)


class D4RLFormat(Format):
    """HDF5 files in D4RL's layout: flat arrays with one row per step."""

    name: ClassVar[str] = "d4rl"
    suffixes: ClassVar[tuple[str, ...]] = (".hdf5", ".h5")

    def read(self, path: str, names: Mapping[str, str] = NO_NAMES) -> Recording:  # noqa: ARG002
        """Read the file; see `read_d4rl`."""
        return read_d4rl(path)


def read_d4rl(path: str) -> Recording:
    """Read an HDF5 file in D4RL's layout: flat arrays at the root, one row per step.

    Read are ``observations (N, obs_dim)``, ``actions (N, action_dim)`` or discrete ``(N,)``,
    ``rewards (N,)``, ``terminals (N,)``, and if present ``timeouts (N,)`` and
    ``next_observations (N, obs_dim)``; other arrays are ignored. Without ``timeouts``, episodes end
    at terminals and, with ``next_observations``, where these differ from the observation of the
    next row; without either, also at the time limit of the task that the file is named after, as in
    D4RL. See `Columns.to_recording` for missing next observations. The reference scores are
    D4RL's.

    Args:
        path: Path of the file, named after its task, as in ``hopper-medium-v2.hdf5``.

    Raises:
        InputError: If the file is missing, damaged or has another layout, or episode boundaries are
        unknown.
    """
    if not Path(path).is_file():
        raise InputError(f"no file {path!r}: give the path of an existing D4RL .hdf5")
    with _damage_explained(path), h5py.File(path, "r") as file:
        columns = _read_columns(path, file)
    task = find_task(path)
    if columns.truncations is None:
        columns.truncations = _tell_truncations(columns, task)
    return columns.to_recording(_reference(columns, task))


def _read_columns(path: str, file: h5py.File) -> Columns:
    missing = [name for name in _REQUIRED if name not in file]
    if missing:
        raise InputError(
            f"{path!r} lacks {', '.join(missing)}: a D4RL file holds {', '.join(_REQUIRED)} at "
            "its root; add them, or give a Minari dataset by its id"
        )
    timeouts, following = (
        _read(path, file, name) if name in file else None
        for name in ("timeouts", "next_observations")
    )
    return Columns(
        source=path,
        observations=as_vectors(path, "observations", _read(path, file, "observations")),
        actions=as_actions(path, _read(path, file, "actions")),
        rewards=as_scalars(path, "rewards", _read(path, file, "rewards")),
        terminations=as_flags(path, "terminals", _read(path, file, "terminals")),
        truncations=None if timeouts is None else as_flags(path, "timeouts", timeouts),
        next_observations=(
            None if following is None else as_vectors(path, "next_observations", following)
        ),
    )


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


def _tell_truncations(columns: Columns, task: Task | None) -> BoolArray | None:
    """Find truncations in a file without timeouts, if possible."""
    columns.check_lengths()
    terminations, following = columns.terminations, columns.next_observations
    if following is not None and following.shape == columns.observations.shape:
        cuts = find_jumps(columns.observations, following) & ~terminations
        if 2 * cuts.sum() > len(cuts) - terminations.sum():
            columns.notes.append("no timeouts, and rows do not follow each other: taken as a set")
            return None
        columns.notes.append(
            f"no timeouts: {int(cuts.sum())} episodes taken as truncated where the next "
            "observation differs from the observation of the next row"
        )
        return cuts
    if task is None or terminations.all():
        return None
    columns.notes.append(
        f"no timeouts: episodes taken as truncated after {task.time_limit} steps, as D4RL does"
    )
    return _cut_at(terminations, task.time_limit)


def _cut_at(terminations: BoolArray, limit: int) -> BoolArray:
    """Mark every ``limit``-th step after an episode's start; terminations end episodes."""
    rows = np.arange(len(terminations))
    starts = np.zeros(len(rows), dtype=np.int64)
    starts[1:] = np.where(terminations[:-1], rows[1:], 0)
    steps: BoolArray = (rows - np.maximum.accumulate(starts)) % limit == limit - 1
    return steps & ~terminations


def _reference(columns: Columns, task: Task | None) -> Reference:
    if task is None:
        columns.notes.append("no reference scores: the file's name is not that of a D4RL task")
        return Reference()
    same = task.obs_dim is not None and columns.observations.shape[1:] == (task.obs_dim,)
    if same:
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
