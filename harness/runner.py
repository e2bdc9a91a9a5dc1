"""Runs: executing one, and executing those that a results folder still lacks."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from envs import Dataset
from harness.api import reduce_seeded
from harness.errors import InputError
from harness.evaluation import evaluate
from harness.learners.protocol import Learner
from harness.records import (
    Checkpoint,
    DatasetFacts,
    Provenance,
    ReductionFacts,
    RunRecord,
    RunResult,
    Seconds,
    read_record,
    record_path,
    write_record,
)
from harness.reduction import Reducer, Reduction
from harness.seeding import derive_seed
from harness.specs import RunSpec

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def execute_run(spec: RunSpec, dataset: Dataset, reducer: Reducer, learner: Learner) -> RunResult:
    """Reduce, train and evaluate at every checkpoint.

    Arms of one seed share the learner's and the evaluation's random streams, so that they are
    compared in pairs.
    """
    environment_id, facts = _dataset_facts(dataset)
    reduction = reduce_seeded(
        dataset.transitions, reducer, spec.size or len(dataset.transitions), spec.seed
    )
    learner_seed = derive_seed("learner", spec.learner.name, spec.seed)
    evaluation_seed = derive_seed("evaluation", environment_id, spec.seed) % 2**31
    checkpoints, evaluation_seconds = [], 0.0
    policies = learner.fit(reduction.transitions, learner_seed)  # imports what it needs, untimed
    started = time.perf_counter()
    for trained in policies:
        paused = time.perf_counter()
        returns = evaluate(trained.policy, environment_id, spec.episodes, evaluation_seed)
        evaluation_seconds += time.perf_counter() - paused
        checkpoints.append(
            Checkpoint(step=trained.step, returns=tuple(returns), metrics=dict(trained.metrics))
        )
    training_seconds = time.perf_counter() - started - evaluation_seconds
    return RunResult(
        dataset=facts,
        reduction=_reduction_facts(reduction),
        learner_parameters=learner.model_dump(mode="json"),
        checkpoints=tuple(checkpoints),
        seconds=Seconds(
            reduction=reduction.seconds, training=training_seconds, evaluation=evaluation_seconds
        ),
    )


def record_run(
    spec: RunSpec, provenance: Provenance, execute: Callable[[RunSpec], RunResult]
) -> RunRecord:
    """Execute a run and keep what came of it, a failure included."""
    try:
        result, error = execute(spec), None
    except Exception:  # a failed run must not end the suite: its record says why it failed
        result, error = None, traceback.format_exc()
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="failed" if result is None else "completed",
        error=error,
        result=result,
        provenance=provenance,
    )


def missing_runs(runs: Sequence[RunSpec], directory: Path) -> list[RunSpec]:
    """List the runs that have no record yet.

    Raises:
        InputError: If a record was made with other settings than the suite's, or is damaged.
    """
    missing = []
    for spec in runs:
        path = record_path(directory, spec.run_id)
        if not path.exists():
            missing.append(spec)
        elif read_record(path).spec != spec:
            raise InputError(
                f"{str(path)!r} was made with other settings than this suite's: results of two "
                "protocols cannot share a folder; choose another --results or remove the old ones"
            )
    return missing


def run_all(
    runs: Sequence[RunSpec],
    work: Callable[[RunSpec], RunRecord],
    directory: Path,
    jobs: int,
) -> Iterator[RunRecord]:
    """Execute runs in ``jobs`` processes; write each record as it comes, then yield it."""
    with _processes(jobs) as executor:
        futures = [executor.submit(work, spec) for spec in runs]
        for future in as_completed(futures):
            record = future.result()
            write_record(directory, record)
            yield record


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    """Fresh single-threaded worker processes; runs not yet begun are dropped on the way out."""
    context = get_context("spawn")  # a fork of a process that has used torch may hang
    with _environment(dict.fromkeys(THREAD_VARIABLES, "1")):
        executor = ProcessPoolExecutor(jobs, mp_context=context)
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _dataset_facts(dataset: Dataset) -> tuple[str, DatasetFacts]:
    """What evaluation and the record need of a dataset.

    Raises:
        InputError: If the dataset names no environment or no reference scores.
    """
    if (
        dataset.environment_id is None
        or dataset.reference_min is None
        or dataset.reference_max is None
    ):
        raise InputError(
            f"dataset {dataset.dataset_id!r} lacks an environment or reference scores: policies "
            "are evaluated in it and normalised by them; add environment_id, reference_min and "
            "reference_max to its metadata"
        )
    facts = DatasetFacts(
        environment_id=dataset.environment_id,
        rows=len(dataset.transitions),
        bytes=dataset.transitions.nbytes,
        content_hash=dataset.content_hash,
        reference_min=dataset.reference_min,
        reference_max=dataset.reference_max,
    )
    return dataset.environment_id, facts


def _reduction_facts(reduction: Reduction) -> ReductionFacts:
    return ReductionFacts(
        rows=len(reduction.transitions),
        bytes=reduction.transitions.nbytes,
        content_hash=reduction.transitions.content_hash(),
        synthetic=reduction.source_indices is None,
        parameters=dict(reduction.parameters),
        diagnostics=dict(reduction.diagnostics),
    )
