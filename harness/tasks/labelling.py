"""Reductions whose rows are labelled by a teacher."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field

from harness.core.arrays import IntArray
from harness.core.classes.registry import Registry
from harness.core.classes.specs import Frozen, LabelsSpec
from harness.core.reduction import Diagnostics, Reducer, Reduction
from harness.core.rows import private_copy
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher, Labels, Teacher, check_signal
from harness.tasks.builtin import LABELS, REDUCERS, TEACHERS

logger = logging.getLogger("bellman_bench")


class Named(Frozen):
    """A class by its name, with every parameter of it."""

    name: str
    parameters: dict[str, Any]


class LabelledReducer(Reducer[Transitions]):
    """Reduces as another reducer does, and lets a teacher label the rows.

    The rows are those that the reducer makes of the same size and seed without labels, so that
    arms are compared in pairs. The teacher is fitted once a process for each dataset, and its
    seconds are part of what every reduction costs.
    """

    name: ClassVar[str] = "labelled"

    reducer: Named
    labels: Named
    teacher: Named
    when: Literal["after", "before"] = "after"
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99

    @property
    def stream_name(self) -> str:
        """That of the reducer."""
        return self._reducer.stream_name

    def parts(self) -> tuple[BaseModel, ...]:
        """Return itself, the reducer's parts, the labels and the teacher."""
        return (self, *self._reducer.parts(), self._labels, self._teacher)

    def row_bounds(self, rows: Transitions, size: int) -> tuple[int, int]:
        """Return at most the size: states that carry every action come in whole numbers."""
        whole = self._reducer.sizes == "all rows"
        return 1, len(rows) * rows.action_count if whole else size

    def check_usable(self, rows: Transitions) -> None:
        """Look for what the reducer needs, and for a signal that can be told.

        Raises:
            InputError: If it is missing.
        """
        self._reducer.check_usable(rows)
        check_signal(rows, self._labels.name)

    def label(self, rows: Transitions) -> Transitions:
        """Label a whole dataset as the rows of its reductions are labelled.

        Raises:
            InputError: If it holds no signal, or the teacher diverges.
        """
        teacher = fit_teacher(self._teacher, rows, self.discount)
        return self._labels.make(teacher, rows, self.discount)(rows)

    def reduce(
        self, rows: Transitions, size: int, rng: np.random.Generator
    ) -> Reduction[Transitions]:
        """Reduce and label; the seconds are those of the teacher and the reducer.

        Raises:
            InputError: If ``size`` is not in ``1..len(rows)``, the data hold no signal, the teacher
                diverges, or a class breaks its contract.
        """
        self.check_usable(rows)
        teacher = fit_teacher(self._teacher, rows, self.discount)
        made = super().reduce(rows, size, rng)
        method = f"{self._reducer.name} with {self._labels.name} labels"
        return replace(made, method=method, seconds=made.seconds + teacher.seconds)

    def _reduce(
        self, rows: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        teacher = fit_teacher(self._teacher, rows, self.discount)
        relabel = self._labels.make(teacher, rows, self.discount)
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


def label_by(
    reducer: Reducer[Transitions], name: str, spec: LabelsSpec, discount: float
) -> LabelledReducer:
    """Let a teacher label what a reducer makes.

    Args:
        reducer: Makes the rows.
        name: By which it is found.
        spec: The labels, and the teacher.
        discount: γ.

    Raises:
        InputError: If the labels, the teacher or a parameter are unknown, or a value breaks its
            rule.
    """
    labels = LABELS.make(spec.name, spec.parameters)
    teacher = TEACHERS.make(spec.teacher.name, spec.teacher.parameters)
    return LabelledReducer(
        reducer=_named(name, reducer),
        labels=_named(spec.name, labels),
        teacher=_named(spec.teacher.name, teacher),
        when=spec.when,
        discount=discount,
    )


def labels_of(parameters: Mapping[str, Any]) -> LabelledReducer | None:
    """Rebuild the labels of a saved reduction from its parameters.

    Returns:
        None if it has none, or if they or their teacher do not come with the package: what a file
        says alone imports nothing.
    """
    names = [parameters.get(key, {}) for key in ("reducer", "labels", "teacher")]
    registries: tuple[Registry[Any], ...] = (REDUCERS, LABELS, TEACHERS)
    known = (
        isinstance(named, Mapping) and named.get("name") in registry.builtin
        for named, registry in zip(names, registries, strict=True)
    )
    return LabelledReducer.model_validate(dict(parameters)) if all(known) else None


def _named(name: str, made: BaseModel) -> Named:
    return Named(name=name, parameters=made.model_dump(mode="json"))


@lru_cache(maxsize=4)
def fit_teacher(teacher: Teacher, rows: Transitions, discount: float) -> FittedTeacher:
    """Fit a teacher to a dataset, once a process.

    Raises:
        InputError: If the fit diverges.
    """
    fitted = teacher.fit(private_copy(rows, type(teacher)), discount)
    if fitted.refuted:
        logger.warning(
            "teacher %r is refuted by the data that it was fitted to: its error on rows left out "
            "is %.2f of their variance, no better than a constant's; do not trust its values",
            teacher.name,
            fitted.left_out_error,
        )
    return fitted
