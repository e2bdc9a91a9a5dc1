"""Runs in an experiment of MLflow."""

from __future__ import annotations

from harness.core.presentation.run_values import settings_of
from harness.core.records import RunRecord
from harness.execution.tracking.base import Tracker, final_values, learning_curve


class MLflow(Tracker):
    """Writes each run to an experiment: its settings, its curve by gradient step, its measurements.

    The variable ``MLFLOW_TRACKING_URI`` of the user's environment says where to; MLflow's default
    is on this machine.
    """

    option = "mlflow"
    library = "mlflow"

    def write(self, record: RunRecord) -> None:
        """Write a run, named by its id; one that failed ends as such, with the failure."""
        import mlflow  # an optional library

        mlflow.set_experiment(self.place)
        mlflow.start_run(run_name=record.run_id)
        settings = settings_of(record.spec).items()
        mlflow.log_params({name: value for name, value in settings if value is not None})
        for step, values in learning_curve(record):
            mlflow.log_metrics(values, step=step)
        mlflow.log_metrics(final_values(record))
        if record.failure:
            mlflow.set_tag("failure", record.failure)
        mlflow.end_run("FAILED" if record.failure else "FINISHED")
