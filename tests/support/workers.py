"""Work for real worker processes to do: runs that end in every way that a run can end."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.records import DatasetFacts, MeasuredResult, ReductionFacts, RunRecord, Seconds
from harness.core.specs import RunSpec
from harness.execution.worker import record_run


def run_spec(behaviour: str, seed: int = 0) -> RunSpec:
    """A run that behaves as its reducer is called."""
    return RunSpec(
        task="regression",
        dataset="regression/diabetes",
        reducer=ReducerSpec(name=behaviour),
        size=10,
        learner=LearnerSpec(name="none"),
        seed=seed,
    )


def work(spec: RunSpec, _: None, marks: Path, timeout: float | None = None) -> RunRecord:
    """Mark that a run has begun, then behave."""
    with (marks / spec.run_id).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return record_run(spec, partial(_behave, marks=marks), timeout)


def times_begun(marks: Path, spec: RunSpec) -> int:
    return len((marks / spec.run_id).read_text().splitlines())


def result(value: float) -> MeasuredResult:
    return MeasuredResult(
        dataset=DatasetFacts(rows=100, bytes=1000, content_hash="0" * 64),
        reduction=ReductionFacts(
            rows=10, bytes=100, content_hash="1" * 64, synthetic=False, parameters={},
            diagnostics={},
        ),
        learner_parameters={},
        metric="test MSE",
        value=value,
        details={},
        seconds=Seconds(reduction=0.1, training=0.1, evaluation=0.1),
    )  # fmt: skip


def _behave(spec: RunSpec, marks: Path) -> MeasuredResult:
    match spec.reducer.name:
        case "raise":
            raise ZeroDivisionError("one over nothing")
        case "exit":
            raise SystemExit(3)
        case "close":
            raise GeneratorExit("closed")
        case "interrupt":
            raise KeyboardInterrupt("mine")
        case "end":
            os._exit(3)
        case "diverge":
            return result(float("nan"))
        case "memory":
            bytearray(2**60)
        case "loop":
            while True:
                time.sleep(0.01)
        case "sleep":
            time.sleep(600)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die-once" if times_begun(marks, spec) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            time.sleep(1.0)
    return result(float(spec.seed))
