"""Synthetic records of control: what a suite would leave behind, without running it."""

from __future__ import annotations

from itertools import product

import numpy as np

from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.records import (
    Checkpoint,
    DatasetFacts,
    Provenance,
    ReductionFacts,
    Result,
    RunRecord,
    RunResult,
    Seconds,
)
from harness.core.specs import RunSpec

STEPS = range(500, 5001, 500)
REFERENCES = {
    "classic/cartpole/medium-v0": (22.0, 500.0),
    "classic/acrobot/mixed-v0": (-498.0, -80.0),
}
SKILL = {"full": 0.92, "random": 0.35, "stratified": 0.45, "leverage": 0.55, "bellman": 0.8}


def make_result(
    spec: RunSpec,
    returns: list[float],
    references: tuple[float, float] = (0.0, 100.0),
    seconds: float = 1.0,
) -> RunResult:
    """Build a result whose checkpoints have these mean returns."""
    rows = spec.size or 10_000
    return RunResult(
        dataset=DatasetFacts(
            environment_id="CartPole-v1",
            rows=10_000,
            bytes=480_000,
            content_hash="0" * 64,
            reference_min=references[0],
            reference_max=references[1],
        ),
        reduction=ReductionFacts(
            rows=rows,
            bytes=48 * rows,
            content_hash="1" * 64,
            synthetic=False,
            parameters={},
            diagnostics={},
        ),
        learner_parameters={},
        checkpoints=tuple(
            Checkpoint(step=500 * (i + 1), returns=(value - 1, value + 1), metrics={})
            for i, value in enumerate(returns)
        ),
        seconds=Seconds(reduction=seconds / 100, training=seconds, evaluation=seconds / 2),
    )


def make_run(
    returns: list[float] | None,
    dataset: str = "classic/cartpole/medium-v0",
    arm: str = "full",
    size: int | None = None,
    learner: str = "fqi",
    seed: int = 0,
    references: tuple[float, float] = (0.0, 100.0),
    seconds: float = 1.0,
    replicate: int = 0,
) -> RunRecord:
    """Build the record of a run; no returns make it a failed one."""
    spec = RunSpec(
        dataset=dataset,
        reducer=ReducerSpec(name=arm),
        size=size,
        learner=LearnerSpec(name=learner),
        seed=seed,
        discount=0.99,
        episodes=2,
        replicate=replicate,
    )
    return make_record(
        spec, None if returns is None else make_result(spec, returns, references, seconds)
    )


def make_record(spec: RunSpec, result: Result | None) -> RunRecord:
    """Build the record of a run; no result makes it a failed one."""
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        status="failed" if result is None else "completed",
        error="ValueError: diverged" if result is None else None,
        result=result,
        provenance=Provenance(versions={}, commit=None, dirty=None, platform="test", threads=1),
    )


def make_suite(
    datasets: tuple[str, ...] = tuple(REFERENCES),
    arms: tuple[str, ...] = tuple(SKILL),
    sizes: tuple[int, ...] = (50, 200),
    learners: tuple[str, ...] = ("dqn", "fqi"),
    seeds: int = 5,
) -> list[RunRecord]:
    """Build the records of a suite with saturating, noisy learning curves."""
    rng = np.random.default_rng(7)
    return [
        make_run(
            _curve(rng, dataset, arm, size),
            dataset=dataset,
            arm=arm,
            size=size,
            learner=learner,
            seed=seed,
            references=REFERENCES[dataset],
            seconds=float(rng.uniform(5, 9)),
        )
        for dataset, arm, learner, seed in product(datasets, arms, learners, range(seeds))
        for size in ((None,) if arm == "full" else sizes)
    ]


def _curve(rng: np.random.Generator, dataset: str, arm: str, size: int | None) -> list[float]:
    low, high = REFERENCES[dataset]
    skill = SKILL.get(arm, 0.6) * (1 - 8 / (size or 1e9)) + rng.normal(0, 0.06)
    steps = np.array(STEPS)
    progress = np.clip(skill * (1 - np.exp(-steps / 1200)) + rng.normal(0, 0.02, len(steps)), 0, 1)
    return [float(value) for value in low + (high - low) * progress]
