"""Learning curves for TensorBoard."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.execution.tracking.base import Tracker, learning_curve


class TensorBoard(Tracker):
    """Writes the curve of each control run below ``PLACE/runs/RUN_ID``; other runs have none."""

    option = "tensorboard"
    library = "tensorboardX"

    def __init__(self, place: str) -> None:
        """Make the folder, which is TensorBoard's ``--logdir``.

        Raises:
            InputError: If tensorboardX is not installed or the folder cannot be made.
        """
        super().__init__(place)
        try:
            Path(place).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"tensorboard {place!r}: the folder cannot be created ({error.strerror}); choose "
                "another"
            ) from error

    def write(self, record: RunRecord) -> None:
        """Write every number of every checkpoint at its gradient step."""
        curve = list(learning_curve(record))
        if not curve:
            return
        from tensorboardX import SummaryWriter  # an optional library

        with SummaryWriter(str(Path(self.place) / "runs" / record.run_id)) as writer:
            for step, values in curve:
                for name, value in values.items():
                    writer.add_scalar(f"metrics/{name}", value, step)
