"""Runs in a project of Weights & Biases."""

from __future__ import annotations

import os

from harness.core.presentation.run_values import settings_of
from harness.core.records import RunRecord
from harness.execution.tracking.base import Tracker, final_values, learning_curve


class WeightsAndBiases(Tracker):
    """Writes each run to a project: its settings, its curve by gradient step, its measurements.

    Runs stay on this machine, for ``wandb sync``, unless the variable ``WANDB_MODE`` of the user's
    environment says "online".
    """

    option = "wandb"
    library = "wandb"

    def write(self, record: RunRecord) -> None:
        """Write a run, named by its id; one that failed ends as such, with the failure."""
        import wandb  # an optional library

        run = wandb.init(
            project=self.place,
            name=record.run_id,
            config=settings_of(record.spec),
            mode=os.environ.get("WANDB_MODE", "offline"),
            settings={"silent": True},  # it would write a page for each run over the progress bar
        )
        for step, values in learning_curve(record):
            run.log(values, step=step)
        run.summary.update(final_values(record))
        if record.failure:
            run.summary.update({"failure": record.failure})
        run.finish(exit_code=1 if record.failure else 0)
