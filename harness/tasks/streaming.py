"""Exact distillation of stored datasets larger than memory, by parallel workers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from itertools import pairwise
from operator import add
from typing import Final, TypeVar

from envs.streaming import open_stored, stream_transitions
from harness.core.errors import InputError
from harness.core.reading import AS_STORED, Reading
from harness.core.reduction import Reduction
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.distillation.exact import ExactDistiller
from harness.distillation.solvers.sketch import Sketch
from harness.numerics.cell_moments import CellMoments, accumulate_cells

PART_ROWS: Final = 1 << 16  # approximate rows of a part, unless the number of parts is given
IN_FLIGHT: Final = 16  # default maximum of parts submitted at a time

Part = TypeVar("Part")


def cell_moments_of_dataset(
    dataset_id: str, executor: Executor, parts: int | None = None, in_flight: int = IN_FLIGHT
) -> CellMoments:
    """Compute the cell moments of a dataset, with its episodes distributed over workers.

    Args:
        dataset_id: The id of a Minari dataset.
        executor: Runs the workers, which must have access to the same folder of datasets.
        parts: Number of ranges of episodes to split the dataset into, by default one per about
        65,536 rows; the result is the same up to rounding.
        in_flight: Parts submitted at a time: more than there are workers, else some are idle.

    Raises:
        InputError: If the dataset cannot be used, or ``parts`` is below one.
    """
    return merge_in_pairs(_map_episodes(_moments, dataset_id, executor, parts, in_flight), add)


def distill_exact_dataset(
    reducer: ExactDistiller,
    dataset_id: str,
    size: int,
    seed: int,
    executor: Executor,
    parts: int | None = None,
    in_flight: int = IN_FLIGHT,
    reading: Reading = AS_STORED,
) -> Reduction[Transitions]:
    """Distil a dataset in bounded memory by the method ``exact``.

    Workers return sketches of their parts, of which at most ``in_flight`` plus one for each
    doubling of the parts are in memory at once. Neither the number of workers nor ``in_flight``
    changes a bit of the result.

    Args:
        reducer: The method and its parameters.
        dataset_id: The id of a Minari dataset.
        size: Number of synthetic points.
        seed: Chooses the real rows that the points stay near. They depend on ``parts`` as well;
        the moments do not.
        executor: Runs the workers, which must have access to the same folder of datasets.
        parts: Number of ranges of episodes to split the dataset into, by default one per about
        65,536 rows.
        in_flight: Parts submitted at a time: more than there are workers, else some are idle.
        reading: What is said of the dataset; see `open_stored`.

    Raises:
        InputError: If the dataset cannot be used, ``parts`` is below one, or ``size`` is not
            between 1 and the number of rows.
    """
    started = time.perf_counter()
    work = partial(_sketch, size=size, seed=seed, reading=reading)
    sketches = _map_episodes(work, dataset_id, executor, parts, in_flight)
    reduction = reducer.reduce_sketch(merge_in_pairs(sketches, Sketch.merge), size)
    return replace(reduction, seconds=time.perf_counter() - started)


def merge_in_pairs(parts: Iterable[Part], merge: Callable[[Part, Part], Part]) -> Part:
    """Sum parts in a binary tree, with one partial sum in memory per doubling of their number.

    The tree depends only on the order of the parts: rounding errors grow with its depth, not with
    the number of parts.

    Args:
        parts: At least one.
        merge: An associative sum, up to rounding.
    """
    sums: list[tuple[int, Part]] = []  # number of leaves of each subtree, decreasing, and its sum
    for part in parts:
        leaves = 1
        while sums and sums[-1][0] == leaves:
            part, leaves = merge(sums.pop()[1], part), 2 * leaves
        sums.append((leaves, part))
    _, total = sums.pop()
    while sums:
        total = merge(sums.pop()[1], total)
    return total


def _map_episodes(
    work: Callable[[str, int, int], Part],
    dataset_id: str,
    executor: Executor,
    parts: int | None,
    in_flight: int,
) -> Iterator[Part]:
    """Yield the workers' results for ranges of episodes, in the order of the ranges."""
    stored = open_stored(dataset_id)
    parts = max(1, stored.row_count // PART_ROWS) if parts is None else parts
    if parts < 1:
        raise InputError(f"parts {parts}: at least one is needed; choose such as 2")
    parts = min(parts, stored.episode_count)
    edges = [stored.episode_count * part // parts for part in range(parts + 1)]
    waiting: deque[Future[Part]] = deque()
    for first, end in pairwise(edges):
        waiting.append(executor.submit(work, dataset_id, first, end))
        if len(waiting) >= in_flight:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _moments(dataset_id: str, first: int, end: int) -> CellMoments:
    return accumulate_cells(map(CellMoments.of, stream_transitions(dataset_id, first, end)))


def _sketch(
    dataset_id: str, first: int, end: int, size: int, seed: int, reading: Reading
) -> Sketch:
    rng = stream("reservoir", seed, first)
    return Sketch.of(stream_transitions(dataset_id, first, end, reading), size, rng)
