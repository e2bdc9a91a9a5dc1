"""Opening a dataset by its id or path, whatever form it has on disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from envs.actions.codebook import Codebook, parse_codebook
from envs.classic.catalogue import classic_dataset, classic_dataset_ids
from envs.dataset import Dataset, make_dataset
from envs.formats.recording import Recording
from harness.core.errors import InputError
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions

_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

logger = logging.getLogger("bellman_bench")


def open_dataset(id_or_path: str, codebook: CodebookSpec | Codebook | None = None) -> Dataset:
    """Open a dataset; an embedded one is collected on first use.

    Args:
        id_or_path: See `open_recording`.
        codebook: How continuous actions are numbered: to be fitted to them, or fitted before.

    Raises:
        InputError: If there is no such dataset, it cannot be used, or the codebook does not suit
            its actions.
    """
    return make_dataset(open_recording(id_or_path), codebook)


def load_dataset(id_or_path: str, codebook: str | None = None) -> Transitions:
    """Return the transitions of a dataset; see `open_dataset`.

    Args:
        id_or_path: See `open_recording`.
        codebook: How continuous actions are numbered: ``kmeans-32``, ``bins-9`` and the like.

    Raises:
        InputError: If the dataset or the codebook cannot be used.
    """
    spec = None if codebook is None else parse_codebook(codebook)
    return open_dataset(id_or_path, spec).transitions


def open_recording(id_or_path: str, names: Mapping[str, str] = _NO_NAMES) -> Recording:
    """Read a dataset as its source holds it, continuous actions included.

    Args:
        id_or_path: The path of an ``.npz`` of arrays or of a D4RL ``.hdf5``, the id of a Minari
            dataset, local or on its hub and then downloaded, or the id of an embedded dataset,
            which is collected on first use.
        names: What the arrays of an ``.npz`` are called, where it cannot be told: by ours.

    Raises:
        InputError: If there is no such dataset, or it cannot be read.
    """
    # Each reader is imported where it is needed, for its libraries are slow to import.
    suffix = Path(id_or_path).suffix
    if suffix == ".npz":
        from envs.formats.npz import read_arrays

        return read_arrays(id_or_path, names)
    if names:
        raise InputError(
            f"names of arrays for {id_or_path!r}: only those of an .npz can be chosen; leave them"
        )
    if suffix in (".hdf5", ".h5"):
        from envs.formats.d4rl import read_d4rl

        return read_d4rl(id_or_path)
    from envs.formats.minari import store as minari_store

    ensure_stored(id_or_path)
    return minari_store.read_recording(id_or_path)


def ensure_stored(dataset_id: str) -> None:
    """Collect an embedded dataset, or download another, that is not below the root yet.

    Raises:
        InputError: If there is no dataset of that id, or it cannot be had.
    """
    # Here, because whoever works on arrays alone need not wait for gymnasium and minari.
    from envs.classic import collect as collection
    from envs.formats.minari import remote as minari_remote
    from envs.formats.minari import store as minari_store

    if minari_store.is_stored(dataset_id):
        return
    if classic_dataset(dataset_id) is None:
        known = {*classic_dataset_ids(), *minari_store.stored_ids()}
        minari_remote.download(dataset_id, known)
        return
    logger.info("collecting %s into %s", dataset_id, minari_store.datasets_root())
    collection.collect(dataset_id)
