"""The task object for the task that a spec names."""

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
    """Return the task of a run or of a suite."""
    return TASKS[spec.task]


def source_hash(spec: RunSpec) -> str:
    """Hash of a run's dataset as in its record: in regression, of the training split.

    Raises:
        InputError: If the dataset cannot be used.
    """
    task = task_of(spec)
    return task.hash(task.open(spec), spec.seed)
