"""Synthetic records of control whose judge drew fresh predictors."""

from __future__ import annotations

from itertools import product

import numpy as np

from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.records import DatasetFacts, MeasuredResult, ReductionFacts, RunRecord, Seconds
from harness.core.specs import RunSpec
from tests.support.records.control import make_record

CARTPOLE = "classic/cartpole/medium-v0"
Q = {  # length of a state, and numbers that make a product predictor and its reward scale
    "classic/mountaincar/medium-v0": (2, 10),
    CARTPOLE: (4, 11),
    "classic/acrobot/medium-v0": (6, 22),
}
LEVELS = ("random", "stratified", "leverage", "exact")
CURVES = ("bellman-additive", "bellman-product")


def make_fresh(
    gap: float | None,
    arm: str = "random",
    predictors: int | None = None,
    dataset: str = CARTPOLE,
    size: int | None = 50,
    judge: str = "product",
    seed: int = 0,
    seconds: float = 1.0,
) -> RunRecord:
    """Build the record of a run that a judge of fresh predictors ended; no gap, a failed one."""
    name, _, actions = arm.partition("-")
    spec = RunSpec(
        dataset=dataset,
        reducer=ReducerSpec(name=name, label=f"{actions}-k{predictors}" if actions else name),
        size=size,
        learner=LearnerSpec(name="fresh-predictors", label=f"fresh-{judge}"),
        seed=seed,
        discount=0.99,
        episodes=20,
    )
    if gap is None:
        return make_record(spec, None)
    dimension, q = Q[dataset]
    result = MeasuredResult(
        dataset=DatasetFacts(rows=10_000, bytes=480_000, content_hash="0" * 64),
        reduction=ReductionFacts(
            rows=size or 10_000,
            bytes=48 * (size or 10_000),
            content_hash="1" * 64,
            synthetic=bool(actions),
            parameters={"actions": actions, "predictors": predictors} if actions else {},
            diagnostics={},
        ),
        learner_parameters={"actions": judge, "predictors": 1000},
        metric="fresh gap",
        value=gap,
        details={
            "percentile_95": 3 * gap,
            "largest": 10 * gap,
            "dimension": float(dimension),
            "identifiable": q * (q + 1) / 2,
        },
        seconds=Seconds(reduction=seconds, training=0.0, evaluation=2.0),
    )
    return make_record(spec, result)


def make_sampling(
    datasets: tuple[str, ...] = tuple(Q),
    sizes: tuple[int, ...] = (50, 200),
    judges: tuple[str, ...] = ("additive", "product"),
    counts: tuple[int, ...] = (10, 30, 100, 300, 1000),
    seeds: int = 3,
) -> list[RunRecord]:
    """Build the records of a suite whose gaps shrink with predictors like the judge's own."""
    rng = np.random.default_rng(13)
    arms = [(arm, None) for arm in LEVELS] + list(product(CURVES, counts))
    return [
        make_fresh(
            _gap(arm, predictors, judge) * float(rng.lognormal(0, 0.3)) * (50 / size) ** 0.5,
            arm,
            predictors,
            dataset=dataset,
            size=size,
            judge=judge,
            seed=seed,
        )
        for dataset, size, judge, seed in product(datasets, sizes, judges, range(seeds))
        for arm, predictors in arms
    ]


def _gap(arm: str, predictors: int | None, judge: str) -> float:
    if arm == "exact":
        return 1e-15 if judge == "additive" else 0.03
    if predictors is None:
        return {"random": 0.2, "stratified": 0.1, "leverage": 0.15}[arm]
    return 3e-3 * (10 / predictors) ** 2 if arm.endswith(judge) else 0.4 * predictors**-0.5
