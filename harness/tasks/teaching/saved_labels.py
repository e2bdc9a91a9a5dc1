"""Labels of saved reductions, made again from what the files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.classes.registry import Registry
from harness.labels.builtin import LABELS, TEACHERS
from harness.learners.builtin import OFFLINE_LEARNERS
from harness.tasks.builtin import REDUCERS
from harness.tasks.teaching.labelling import LabelledReducer
from harness.tasks.teaching.labelling_in_parts import LabelledInParts


def labels_of(parameters: Mapping[str, Any]) -> LabelledReducer | None:
    """Rebuild the labels of a saved reduction from its parameters.

    Returns:
        None if it has none, or if they, their teacher or its learner do not come with the package:
        what a file says alone imports nothing.
    """
    reducer, labels, teacher = (parameters.get(key) for key in ("reducer", "labels", "teacher"))
    named: list[tuple[Any, Registry[Any]]] = [
        (reducer, REDUCERS),
        (labels, LABELS),
        (teacher, TEACHERS),
    ]
    if (learner := _learner_of(teacher)) is not None:
        named.append((learner, OFFLINE_LEARNERS))
    known = (
        isinstance(each, Mapping) and each.get("name") in registry.builtin
        for each, registry in named
    )
    if not all(known):
        return None
    kind = LabelledInParts if "teacher_rows" in parameters else LabelledReducer
    return kind.model_validate(dict(parameters))


def _learner_of(teacher: Any) -> Any:
    """Return what a teacher of a file names as its learner; None if nothing."""
    given = teacher.get("parameters") if isinstance(teacher, Mapping) else None
    return given.get("learner") if isinstance(given, Mapping) else None
