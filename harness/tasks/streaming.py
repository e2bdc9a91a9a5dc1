"""Reduction of stored datasets larger than memory, by parallel workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, TypeVar

from envs.actions.codebook import Codebook
from envs.streaming import open_stored, stream_transitions
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.computing.threads import one_thread
from harness.core.errors import InputError

PART_ROWS: Final = 1 << 16  # approximate rows of a part, unless the number of parts is given
IN_FLIGHT: Final = 16  # default maximum of parts submitted at a time

Made = TypeVar("Made")


class StoredParts:
    """A Minari dataset in ranges of episodes, which are distributed over workers.

    Results of at most ``in_flight`` parts are waited for at once. Neither the number of workers
    nor ``in_flight`` changes a bit of what they are.
    """

    def __init__(
        self,
        dataset_id: str,
        executor: Executor,
        codebook: Codebook | None = None,
        reading: Reading = AS_STORED,
        parts: int | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        """Open the dataset's metadata.

        Args:
            dataset_id: The id of a Minari dataset.
            executor: Runs the workers, which must have access to the same folder of datasets.
            codebook: Of continuous actions.
            reading: What is said of the dataset; see `open_stored`.
            parts: Number of ranges of episodes, by default one per about 65,536 rows.
            in_flight: Parts submitted at a time: more than there are workers, else some are idle.

        Raises:
            InputError: If the dataset cannot be used, or ``parts`` is below one.
        """
        self._stored = open_stored(dataset_id, reading)
        parts = max(1, self._stored.row_count // PART_ROWS) if parts is None else parts
        if parts < 1:
            raise InputError(f"parts {parts}: at least one is needed; choose such as 2")
        self._count = min(parts, self._stored.episode_count)
        self._executor = executor
        self._codebook = codebook
        self._reading = reading
        self._in_flight = in_flight

    @property
    def row_count(self) -> int:
        """Number of rows of the dataset."""
        return self._stored.row_count

    @property
    def count(self) -> int:
        """Number of ranges of episodes."""
        return self._count

    @cached_property
    def _edges(self) -> list[int]:
        episodes = self._stored.episode_count
        return [episodes * part // self._count for part in range(self._count + 1)]

    def map(self, work: Callable[..., Made], *values: Sequence[Any]) -> Iterator[Made]:
        """Yield ``work(chunks, …)`` of each part, in order; see `harness.core.parts.Parts`."""
        waiting: deque[Future[Made]] = deque()
        for (first, end), *own in zip(pairwise(self._edges), *values, strict=True):
            range_ = (self._stored.dataset_id, first, end, self._codebook, self._reading)
            waiting.append(self._executor.submit(_work_on, range_, work, own))
            if len(waiting) >= self._in_flight:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _work_on(
    range_: tuple[str, int, int, Codebook | None, Reading],
    work: Callable[..., Made],
    own: Sequence[Any],
) -> Made:
    """Work on a part in a worker, on one thread."""
    with one_thread():
        return work(stream_transitions(*range_), *own)
