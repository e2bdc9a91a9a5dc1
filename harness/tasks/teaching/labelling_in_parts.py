"""Reductions of datasets larger than memory whose rows are labelled by a teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, ClassVar, Final, TypeVar

import numpy as np
from pydantic import PositiveInt

from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.errors import naming
from harness.core.parts import Parts, check_streams, take_in_parts
from harness.core.reduction import Diagnostics
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, QFunction, Relabel
from harness.labels.signal import check_signal
from harness.tasks.teachers.fitting import fit_once
from harness.tasks.teaching.labelling import LabelledReducer

TEACHER_ROWS: Final = 16_384  # by default: the closed form needs a tenth of a gigabyte for them
BLOCK: Final = 2048  # states that are valued at a time

Made = TypeVar("Made")


class LabelledInParts(LabelledReducer):
    """Labels what is made of a dataset in parts, by a teacher of a uniform sample of its rows.

    A teacher needs all rows at once, and fitting it a hundred passes over them or more. The sample
    depends on the numbers of rows alone, and the scale of the labels is taken from it as well. A
    dataset of no more rows is taught whole.
    """

    name: ClassVar[str] = "labelled-in-parts"

    teacher_rows: PositiveInt = TEACHER_ROWS  # that the teacher is fitted to, at most

    def reduce_parts(
        self, parts: Parts, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        """Reduce as the reducer does, and label its rows, or each part before.

        Raises:
            InputError: If the reducer needs all rows at once, the sample holds no signal, or the
                teacher diverges.
        """
        streaming = check_streams(self._reducer)
        sample = take_in_parts(parts, taught_rows(parts.row_count, self.teacher_rows))
        with naming(f"sample of {len(sample)} rows"):
            check_signal(sample, self._labels.name)
            teacher, taught = self._taught(sample)
            relabel = self._relabel(teacher, taught)
        if self.when == "before":
            labelled, _, found = streaming.reduce_parts(
                LabelledParts.of(parts, relabel, sample), size, rng
            )
        else:
            count = self._labels.rows_for(size, sample.action_count)
            rows, _, found = streaming.reduce_parts(parts, count, rng)
            labelled = relabel(rows)
        return labelled, None, {**found, **teacher.diagnostics, **relabel.diagnostics}

    def _taught(self, rows: Transitions) -> tuple[FittedTeacher, Transitions]:
        sample = _sample(rows, self.teacher_rows)
        teacher = fit_once(self._teacher, sample, self.discount)
        if rows.is_continuous:  # of networks, which need no features
            return teacher, sample
        return replace(teacher, learned=InBlocks(teacher.q)), sample


@dataclass(frozen=True, eq=False)
class LabelledParts:
    """Parts of a dataset whose rows are labelled as they are read."""

    parts: Parts
    relabel: Relabel
    row_count: int  # labelled rows of all parts

    @classmethod
    def of(cls, parts: Parts, relabel: Relabel, rows: Transitions) -> LabelledParts:
        """Label parts; some of their rows tell how many labelled rows come of each."""
        of_one = len(relabel(rows.take(np.arange(1))))
        return cls(parts, relabel, parts.row_count * of_one)

    @property
    def count(self) -> int:
        """Number of parts."""
        return self.parts.count

    def map(self, work: Callable[..., Made], *values: Sequence[Any]) -> Iterator[Made]:
        """Yield ``work(chunks, …)`` of each part, its chunks labelled; see `Parts`."""
        return self.parts.map(partial(_work_on_labelled, work, self.relabel), *values)


@dataclass(frozen=True, eq=False)
class InBlocks:
    """A Q-function that values a few states at a time, so that their features need little room."""

    q: QFunction

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action, ``(N, obs_dim) -> (N, action_count)``."""
        begins = range(0, len(observations), BLOCK)
        return np.concatenate([self.q.values(observations[at : at + BLOCK]) for at in begins])


def taught_rows(count: int, most: int) -> IntArray:
    """Number ``min(count, most)`` of ``count`` rows, drawn uniformly, in ascending order."""
    if count <= most:
        return np.arange(count)
    # Evenly spaced rows would meet episodes of one length at the same few steps.
    rng = stream("teacher rows", count, most)
    return np.sort(rng.choice(count, most, replace=False))


@lru_cache(maxsize=2)
def _sample(rows: Transitions, most: int) -> Transitions:
    """Take the sample of a whole dataset, the same object again, so that it is fitted once."""
    return rows if len(rows) <= most else rows.take(taught_rows(len(rows), most))


def _work_on_labelled(
    work: Callable[..., Made], relabel: Relabel, chunks: Iterable[Transitions], *values: Any
) -> Made:
    return work(map(relabel, chunks), *values)
