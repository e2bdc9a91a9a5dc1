"""Reductions whose rows are labelled by a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field

from harness.core.arrays import IntArray
from harness.core.classes.specs import Frozen, LabelsSpec
from harness.core.reduction import Diagnostics, Reducer, Reduction, check_usable
from harness.core.transitions import Transitions
from harness.labels.base import (
    FittedTeacher,
    Labels,
    Relabel,
    Teacher,
)
from harness.labels.builtin import LABELS, TEACHERS
from harness.labels.signal import NoSignalError, check_signal
from harness.tasks.builtin import REDUCERS
from harness.tasks.teachers.fitting import fit_once


class Named(Frozen):
    """A class by its name, with every parameter of it."""

    name: str
    parameters: dict[str, Any]


class LabelledReducer(Reducer[Transitions]):
    """Reduces as another reducer does, and lets a teacher label the rows.

    The rows are those that the reducer makes of the same size and seed without labels, so that
    arms are compared in pairs. The teacher is fitted once for each dataset, and its seconds are
    part of what every reduction costs.
    """

    name: ClassVar[str] = "labelled"

    reducer: Named
    labels: Named
    teacher: Named
    when: Literal["after", "before"] = "after"
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99

    @property
    def title(self) -> str:
        """The reducer and the labels."""
        return f"{self._reducer.name} with {self._labels.name} labels"

    @property
    def stream_name(self) -> str:
        """That of the reducer."""
        return self._reducer.stream_name

    def parts(self) -> tuple[BaseModel, ...]:
        """Return itself, the reducer's parts, the labels and the teacher's parts."""
        return (self, *self._reducer.parts(), self._labels, *self._teacher.parts())

    def row_bounds(self, rows: Transitions, size: int) -> tuple[int, int]:
        """Return at most the size: states that carry every action come in whole numbers."""
        whole = self._reducer.sizes == "all rows"
        return 1, len(rows) * max(rows.action_count, 1) if whole else size

    def check_actions(self, rows: Transitions) -> None:
        """Ask for actions that the labels, the reducer and the teacher take.

        Raises:
            InputError: If one of them does not.
        """
        self._labels.check_actions(rows)
        self._reducer.check_actions(rows)
        self._teacher.check_actions(rows)

    def check_usable(self, rows: Transitions) -> None:
        """Look for what the reducer needs, and for a signal that can be told.

        Raises:
            InputError: If it is missing.
        """
        check_usable(self._reducer, rows)
        check_signal(rows, self._labels.name)

    def label(self, rows: Transitions) -> Transitions:
        """Label a whole dataset as the rows of its reductions are labelled.

        Raises:
            InputError: If it holds no signal, or the teacher diverges.
        """
        return self._relabel(*self._taught(rows))(rows)

    def reduce(
        self, rows: Transitions, size: int, rng: np.random.Generator
    ) -> Reduction[Transitions]:
        """Reduce and label; the seconds are those of the teacher and the reducer.

        Raises:
            InputError: If ``size`` is not in ``1..len(rows)``, the data hold no signal, the teacher
                diverges, or a class breaks its contract.
        """
        self.check_actions(rows)
        self.check_usable(rows)
        teacher, _ = self._taught(rows)
        made = super().reduce(rows, size, rng)
        return replace(made, seconds=made.seconds + teacher.seconds)

    def _reduce(
        self, rows: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        teacher, taught = self._taught(rows)
        relabel = self._relabel(teacher, taught)
        if self.when == "before":
            made = self._reducer.reduce(relabel(rows), size, rng)
            labelled = made.rows
        else:
            whole = self._reducer.sizes == "all rows"
            count = size if whole else self._labels.rows_for(size, rows.action_count)
            made = self._reducer.reduce(rows, count, rng)
            labelled = relabel(made.rows)
        found = {**made.diagnostics, **teacher.diagnostics, **relabel.diagnostics}
        return labelled, None, found

    def _taught(self, rows: Transitions) -> tuple[FittedTeacher, Transitions]:
        """Fit the teacher, once; return it and the rows that it was fitted to."""
        return fit_once(self._teacher, rows, self.discount), rows

    def _relabel(self, teacher: FittedTeacher, taught: Transitions) -> Relabel:
        return self._labels.make(teacher, taught, self.discount)

    @cached_property
    def _reducer(self) -> Reducer[Transitions]:
        made: Reducer[Transitions] = REDUCERS.make(self.reducer.name, self.reducer.parameters)
        return made

    @cached_property
    def _labels(self) -> Labels:
        made: Labels = LABELS.make(self.labels.name, self.labels.parameters)
        return made

    @cached_property
    def _teacher(self) -> Teacher:
        made: Teacher = TEACHERS.make(self.teacher.name, self.teacher.parameters)
        return made


class LabelledControl(LabelledReducer):
    """Labels data without signal, of which a sound teacher has nothing to say.

    Where none is to be told, rows pay nothing and end at once, where other labels are refused: a
    control is measured as every arm is.
    """

    name: ClassVar[str] = "labelled-control"

    def check_usable(self, rows: Transitions) -> None:
        """Look for what the reducer needs alone."""
        check_usable(self._reducer, rows)

    def _relabel(self, teacher: FittedTeacher, taught: Transitions) -> Relabel:
        try:
            return super()._relabel(teacher, taught)
        except NoSignalError:
            return Silence()


class Silence:
    """Labels that tell nothing."""

    diagnostics: ClassVar[Mapping[str, Any]] = {"label_scale": 0.0}

    def __call__(self, transitions: Transitions) -> Transitions:
        """Pay nothing, and end at once."""
        ends = np.ones(len(transitions), np.bool_)
        return replace(
            transitions, rewards=np.zeros(len(transitions)), terminations=ends, episodes=None
        )


def label_by(
    reducer: Reducer[Transitions],
    name: str,
    spec: LabelsSpec,
    discount: float,
    kind: type[LabelledReducer] = LabelledReducer,
) -> LabelledReducer:
    """Let a teacher label what a reducer makes.

    Args:
        reducer: Makes the rows.
        name: By which it is found.
        spec: The labels, and the teacher.
        discount: γ.
        kind: How rows are labelled, as those of a control.

    Raises:
        InputError: If the labels, the teacher or a parameter are unknown, or a value breaks its
            rule.
    """
    labels = LABELS.make(spec.name, spec.parameters)
    teacher = TEACHERS.make(spec.teacher.name, spec.teacher.parameters)
    return kind(
        reducer=_named(name, reducer),
        labels=_named(spec.name, labels),
        teacher=_named(spec.teacher.name, teacher),
        when=spec.when,
        discount=discount,
    )


def _named(name: str, made: BaseModel) -> Named:
    return Named(name=name, parameters=made.model_dump(mode="json"))
