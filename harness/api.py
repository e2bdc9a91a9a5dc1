"""Distillation from Python."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from envs import Dataset
from harness.reduction import Reducer, Reduction
from harness.registry import make_reducer
from harness.seeding import stream
from harness.transitions import Transitions


def distill(
    transitions: Transitions,
    method: str = "bellman",
    size: int = 100,
    seed: int = 0,
    discount: float = 0.99,
    **parameters: Any,
) -> Reduction:
    """Reduce transitions by any named distiller or reducer.

    The result is the one that a suite's run of the same dataset, method, size and seed trains on.

    Args:
        transitions: The full data.
        method: A name that `bellman-bench list` shows.
        size: Rows to keep or make.
        seed: Fixes whatever is random in the method.
        discount: γ of the Bellman loss.
        parameters: The method's own.

    Raises:
        InputError: If the method, a parameter or the size cannot be used.
    """
    return reduce_seeded(transitions, make_reducer(method, discount, parameters), size, seed)


def reduce_seeded(transitions: Transitions, reducer: Reducer, size: int, seed: int) -> Reduction:
    """Reduce with the random stream of method, size and seed.

    Parameters are not part of the stream's identity: variants of a method start from the same
    random choices and are compared in pairs.
    """
    return reducer.reduce(transitions, size, stream("reduction", reducer.name, size, seed))


def save_reduction(
    reduction: Reduction, path: Path, dataset: Dataset, seed: int, discount: float
) -> None:
    """Write a reduction as an ``.npz`` that says how it was made and serves as a dataset."""
    metadata = {
        "method": reduction.method,
        "parameters": dict(reduction.parameters),
        "diagnostics": dict(reduction.diagnostics),
        "seed": seed,
        "discount": discount,
        "source": dataset.dataset_id,
        "source_hash": dataset.content_hash,
        "environment_id": dataset.environment_id,
        "reference_min": dataset.reference_min,
        "reference_max": dataset.reference_max,
        "seconds": reduction.seconds,
        "version": version("bellman-bench"),
    }
    reduction.transitions.save(path, metadata)
