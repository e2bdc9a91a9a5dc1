"""Saving of reductions as ``.npz`` or Minari dataset, with metadata on how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from envs.dataset import Dataset
from envs.reference import Reference
from envs.regression.datasets import Tabular
from harness.core.errors import InputError
from harness.core.reduction import Reduction
from harness.core.regression_set import ARRAY_NAMES, RegressionSet
from harness.core.storage.npz import load_arrays, load_metadata, save_arrays
from harness.core.transitions import Transitions


def save_reduction(
    reduction: Reduction[Transitions], path: Path, dataset: Dataset, seed: int, discount: float
) -> None:
    """Write a reduction as an ``.npz`` that can be opened as a dataset."""
    origin = _origin(reduction, seed, dataset.dataset_id, dataset.content_hash)
    _save(reduction, path, origin, dataset.reference, discount)


def save_streamed_reduction(
    reduction: Reduction[Transitions],
    path: Path,
    dataset_id: str,
    reference: Reference,
    seed: int,
    discount: float,
) -> None:
    """Write a reduction of a streamed dataset.

    Its ``source_hash`` is null: the hash would need whole arrays of the source.
    """
    _save(reduction, path, _origin(reduction, seed, dataset_id, None), reference, discount)


def _save(
    reduction: Reduction[Transitions],
    path: Path,
    origin: Mapping[str, Any],
    reference: Reference,
    discount: float,
) -> None:
    metadata = {**origin, **reference.model_dump(), "discount": discount}
    reduction.transitions.save(path, metadata)


def save_as_minari(
    reduction: Reduction[Transitions], dataset_id: str, dataset: Dataset, seed: int, discount: float
) -> None:
    """Write a reduction as a Minari dataset of one-step episodes.

    Raises:
        InputError: If the id cannot be used.
    """
    origin = _origin(reduction, seed, dataset.dataset_id, dataset.content_hash)
    about = {**origin, "discount": discount}
    write_as_minari(dataset_id, reduction.transitions, dataset.reference, about)


def write_as_minari(
    dataset_id: str, transitions: Transitions, reference: Reference, about: Mapping[str, Any]
) -> Path:
    """Write a reduced set as a Minari dataset of one-step episodes, and return its folder.

    Args:
        dataset_id: A new Minari id.
        transitions: The rows.
        reference: The environment and the scores, as far as known.
        about: How the set was made, its ``method`` and ``source`` at the least.

    Raises:
        InputError: If the id cannot be used.
    """
    from envs.formats.minari.output import public_name, write_transitions

    source = public_name(about["source"])
    return write_transitions(
        dataset_id,
        transitions,
        reference,
        algorithm=about["method"],
        description=(
            f"{len(transitions)} weighted transitions that stand for those of {source}. Each is an "
            "episode of one step; its weight is in its infos."
        ),
        metadata={**about, "source": source},
    )


def load_origin(distilled: str) -> dict[str, Any]:
    """Read how a saved reduction was made; empty for a dataset that is none.

    Args:
        distilled: The path of an ``.npz``, or the id of a stored Minari dataset.

    Raises:
        InputError: If an ``.npz`` cannot be read.
    """
    if distilled.endswith(".npz"):
        return load_metadata(Path(distilled))
    from envs.formats.minari.output import read_metadata

    return read_metadata(distilled)


def save_regression_reduction(
    reduction: Reduction[RegressionSet], data: RegressionSet, path: Path, source: Tabular, seed: int
) -> None:
    """Write a reduction's rows, given as ``data`` in the source's original units."""
    metadata = _origin(reduction, seed, source.dataset_id, source.content_hash) | {
        "feature_names": list(source.feature_names)
    }
    save_arrays(path, {name: getattr(data, name) for name in ARRAY_NAMES}, metadata)


def load_regression_set(path: Path) -> RegressionSet:
    """Read the rows of a saved regression reduction, in the source's original units.

    Raises:
        InputError: If the file is missing, damaged or lacks an array.
    """
    arrays, _ = load_arrays(path)
    missing = [name for name in ("features", "targets") if name not in arrays]
    if missing:
        raise InputError(
            f"{str(path)!r} lacks {', '.join(missing)}: a regression set holds "
            f"{', '.join(ARRAY_NAMES)}; write it with `bellman-bench distill`"
        )
    weights = arrays.get("weights", np.ones(len(arrays["targets"])))
    return RegressionSet(arrays["features"], arrays["targets"], weights)


def _origin(
    reduction: Reduction[Any], seed: int, source: str, source_hash: str | None
) -> dict[str, Any]:
    return {
        "method": reduction.method,
        "parameters": dict(reduction.parameters),
        "diagnostics": dict(reduction.diagnostics),
        "seed": seed,
        "source": source,
        "source_hash": source_hash,
        "seconds": reduction.seconds,
        "version": version("bellman-bench"),
    }
