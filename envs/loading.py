"""Opening a dataset by its id or path, whatever form it has on disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from envs.catalogue import classic_dataset, classic_dataset_ids
from envs.codebook import Codebook, QuantisationError, number_actions, parse_codebook
from envs.quantised import PlayedEpisode, played_episodes, quantised_returns
from envs.recording import Recording
from harness.errors import InputError
from harness.specs import CodebookSpec
from harness.transitions import FloatArray, Transitions

_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

logger = logging.getLogger("bellman_bench")


@dataclass(frozen=True)
class Dataset:
    """Transitions, and what is known of where they come from."""

    dataset_id: str  # the id or path that it was opened by
    transitions: Transitions  # N rows
    environment_id: str | None  # as gymnasium knows it
    reference_min: float | None  # mean return of the random policy
    reference_max: float | None  # mean return of the expert
    content_hash: str  # of the transitions, their actions numbered
    codebook: Codebook | None = None  # None: the environment's own actions are numbered
    quantisation_error: QuantisationError | None = None  # of the recorded actions, where known
    played: tuple[PlayedEpisode, ...] = ()  # a sample, to be replayed with quantised actions

    @cached_property
    def quantisation(self) -> dict[str, float] | None:
        """What the codebook costs, by name; None without one.

        The first call replays episodes.
        """
        if self.codebook is None:
            return None
        facts = {"codes": float(len(self.codebook))}
        if self.quantisation_error is not None:
            facts["root_mean_square"] = self.quantisation_error.root_mean_square
            facts["variance_share"] = self.quantisation_error.variance_share
        if self.environment_id is None:
            return facts
        returns = quantised_returns(self.environment_id, self.played, self.codebook)
        if returns is not None:
            facts["recorded_return"] = returns.recorded
            facts["quantised_return"] = returns.quantised
            facts["replayed_episodes"] = float(returns.episodes)
        return facts


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


def make_dataset(recording: Recording, codebook: CodebookSpec | Codebook | None) -> Dataset:
    """Number a recording's actions.

    Raises:
        InputError: If a value cannot be used, or the codebook does not suit the actions.
    """
    transitions, fitted = number_actions(recording, codebook)
    reference, error = recording.reference, None
    if fitted is not None:
        error = fitted.error(cast(FloatArray, recording.actions))
    elif reference.codebook is not None:
        fitted = Codebook.from_json(reference.codebook, recording.source)
    return Dataset(
        dataset_id=recording.source,
        transitions=transitions,
        environment_id=reference.environment_id,
        reference_min=reference.reference_min,
        reference_max=reference.reference_max,
        content_hash=transitions.content_hash(),
        codebook=fitted,
        quantisation_error=error,
        played=played_episodes(recording),
    )


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
        from envs.array_files import read_arrays

        return read_arrays(id_or_path, names)
    if names:
        raise InputError(
            f"names of arrays for {id_or_path!r}: only those of an .npz can be chosen; leave them"
        )
    if suffix in (".hdf5", ".h5"):
        from envs.d4rl import read_d4rl

        return read_d4rl(id_or_path)
    from envs import minari_store

    ensure_stored(id_or_path)
    return minari_store.read_recording(id_or_path)


def ensure_stored(dataset_id: str) -> None:
    """Collect an embedded dataset, or download another, that is not below the root yet.

    Raises:
        InputError: If there is no dataset of that id, or it cannot be had.
    """
    # Here, because whoever works on arrays alone need not wait for gymnasium and minari.
    from envs import collection, minari_remote, minari_store

    if minari_store.is_stored(dataset_id):
        return
    if classic_dataset(dataset_id) is None:
        known = {*classic_dataset_ids(), *minari_store.stored_ids()}
        minari_remote.download(dataset_id, known)
        return
    logger.info("collecting %s into %s", dataset_id, minari_store.datasets_root())
    collection.collect(dataset_id)
