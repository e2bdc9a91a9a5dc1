"""Learning curves for TensorBoard, written as runs end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from harness.core.errors import InputError
from harness.core.records import Checkpoint, RunRecord, RunResult

Watch = Callable[[int, Iterator[RunRecord]], Iterator[RunRecord]]


def with_curves(directory: Path, watch: Watch) -> Watch:
    """Write the learning curve of each record, then pass it on to ``watch``.

    Args:
        directory: TensorBoard's ``--logdir``; created if missing.
        watch: Shows the records, as for `run_suite`.

    Raises:
        InputError: If tensorboardX is not installed or the folder cannot be made.
    """
    if find_spec("tensorboardX") is None:
        raise InputError(
            f"tensorboard {str(directory)!r}: writing curves needs tensorboardX; install "
            "bellman-bench[tensorboard]"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"tensorboard {str(directory)!r}: the folder cannot be created ({error.strerror}); "
            "choose another"
        ) from error

    def written(records: Iterator[RunRecord]) -> Iterator[RunRecord]:
        for record in records:
            write_curve(record, directory)
            yield record

    return lambda total, records: watch(total, written(records))


def write_curve(record: RunRecord, directory: Path) -> None:
    """Write the curve of a completed control run below ``directory/runs/RUN_ID``.

    Every checkpoint gives, at its gradient step, the mean, minimum and maximum return of its
    episodes and the learner's own metrics. Other records are ignored.
    """
    if not isinstance(record.result, RunResult):
        return
    from tensorboardX import SummaryWriter  # an optional library

    with SummaryWriter(str(directory / "runs" / record.run_id)) as writer:
        for point in record.result.checkpoints:
            for name, value in _scalars(point).items():
                writer.add_scalar(f"metrics/{name}", value, point.step)


def _scalars(checkpoint: Checkpoint) -> dict[str, float]:
    return {
        "mean_return": checkpoint.mean_return,
        "min_return": min(checkpoint.returns),
        "max_return": max(checkpoint.returns),
        **checkpoint.metrics,
    }
