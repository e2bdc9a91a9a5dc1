"""The kinds of run by the task that a spec names."""

from __future__ import annotations

from typing import Any, Final

from harness.core.specs import RunSpec, Suite
from harness.tasks.base import Task
from harness.tasks.control import ControlTask
from harness.tasks.regression import RegressionTask

TASKS: Final[dict[str, Task[Any, Any]]] = {
    task.name: task for task in (ControlTask(), RegressionTask())
}


def task_of(spec: RunSpec | Suite) -> Task[Any, Any]:
    """Return the kind of a run or of a suite's runs."""
    return TASKS[spec.task]


def source_hash(spec: RunSpec) -> str:
    """Hash what a run's record calls its dataset: in regression the training part.

    Raises:
        InputError: If the dataset cannot be used.
    """
    task = task_of(spec)
    return task.hash(task.open(spec), spec.seed)
