"""Opening a dataset by its id or path, whatever form it has on disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from envs.catalogue import classic_dataset, classic_dataset_ids
from envs.reference import Reference
from harness.errors import unknown_name
from harness.transitions import Transitions

logger = logging.getLogger("bellman_bench")


@dataclass(frozen=True)
class Dataset:
    """Transitions, and what is known of where they come from."""

    dataset_id: str  # the id or path that it was opened by
    transitions: Transitions  # N rows
    environment_id: str | None  # as gymnasium knows it
    reference_min: float | None  # mean return of the random policy
    reference_max: float | None  # mean return of the expert
    content_hash: str  # of the transitions


def open_dataset(id_or_path: str) -> Dataset:
    """Open a dataset; an embedded one is collected on first use.

    Args:
        id_or_path: The path of an ``.npz`` that `Transitions.save` wrote, the id of a local Minari
            dataset, or the id of an embedded dataset.

    Raises:
        InputError: If there is no such dataset, or it cannot be used.
    """
    if id_or_path.endswith(".npz"):
        transitions, metadata = Transitions.load(Path(id_or_path))
        reference = Reference.parse(metadata, id_or_path)
    else:
        transitions, reference = _read_minari(id_or_path)
    return Dataset(
        dataset_id=id_or_path,
        transitions=transitions,
        environment_id=reference.environment_id,
        reference_min=reference.reference_min,
        reference_max=reference.reference_max,
        content_hash=transitions.content_hash(),
    )


def load_dataset(id_or_path: str) -> Transitions:
    """Return the transitions of a dataset; see `open_dataset`."""
    return open_dataset(id_or_path).transitions


def ensure_stored(dataset_id: str) -> None:
    """Collect an embedded dataset that is not below the root yet.

    Raises:
        InputError: If there is no dataset of that id.
    """
    # Here, because whoever works on arrays alone need not wait for gymnasium and minari.
    from envs import collection, minari_store

    if not minari_store.is_stored(dataset_id):
        if classic_dataset(dataset_id) is None:
            known = {*classic_dataset_ids(), *minari_store.stored_ids()}
            raise unknown_name("dataset", dataset_id, known)
        logger.info("collecting %s into %s", dataset_id, minari_store.datasets_root())
        collection.collect(dataset_id)


def _read_minari(dataset_id: str) -> tuple[Transitions, Reference]:
    from envs import minari_store

    ensure_stored(dataset_id)
    return minari_store.read_dataset(dataset_id)
