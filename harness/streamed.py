"""Exact distillation of stored datasets that are larger than memory, in several processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial, reduce
from itertools import pairwise
from operator import add
from typing import TypeVar

from envs.streaming import count_episodes, stream_transitions
from harness.distillation.cell_moments import CellMoments, accumulate_cells
from harness.distillation.exact import ExactDistiller
from harness.distillation.sketch import Sketch
from harness.errors import InputError
from harness.reduction import Reduction
from harness.seeding import stream

Part = TypeVar("Part")


def cell_moments_of_dataset(dataset_id: str, executor: Executor, parts: int) -> CellMoments:
    """Take the moments of a dataset, its episodes shared out among workers.

    Args:
        dataset_id: The id of a Minari dataset.
        executor: Runs the workers, which must see the same folder of datasets.
        parts: Ranges of episodes to cut the dataset into; the result is the same up to rounding.

    Raises:
        InputError: If the dataset cannot be used, or ``parts`` is below one.
    """
    return reduce(add, _map_episodes(_moments, dataset_id, executor, parts))


def distill_exact_dataset(
    reducer: ExactDistiller, dataset_id: str, size: int, seed: int, executor: Executor, parts: int
) -> Reduction:
    """Distil a dataset that is never held whole.

    Args:
        reducer: The method and its parameters.
        dataset_id: The id of a Minari dataset.
        size: Points to make.
        seed: Chooses the real rows that the points stay near. They depend on ``parts`` as well;
            the moments do not.
        executor: Runs the workers, which must see the same folder of datasets.
        parts: Ranges of episodes to cut the dataset into.

    Raises:
        InputError: If the dataset cannot be used, ``parts`` is below one, or ``size`` is not
            between 1 and the number of rows.
    """
    started = time.perf_counter()
    work = partial(_sketch, size=size, seed=seed)
    sketch = reduce(Sketch.merge, _map_episodes(work, dataset_id, executor, parts))
    reduction = reducer.reduce_sketch(sketch, size)
    return replace(reduction, seconds=time.perf_counter() - started)


def _map_episodes(
    work: Callable[[str, int, int], Part], dataset_id: str, executor: Executor, parts: int
) -> list[Part]:
    if parts < 1:
        raise InputError(f"parts {parts}: at least one is needed; choose such as 2")
    episodes = count_episodes(dataset_id)
    parts = min(parts, episodes)
    edges = [episodes * part // parts for part in range(parts + 1)]
    futures = [executor.submit(work, dataset_id, first, end) for first, end in pairwise(edges)]
    return [future.result() for future in futures]


def _moments(dataset_id: str, first: int, end: int) -> CellMoments:
    return accumulate_cells(map(CellMoments.of, stream_transitions(dataset_id, first, end)))


def _sketch(dataset_id: str, first: int, end: int, size: int, seed: int) -> Sketch:
    rng = stream("reservoir", seed, first)
    return Sketch.of(stream_transitions(dataset_id, first, end), size, rng)
