"""Synthetic records of regression: of a study, and of the theory made visible."""

from __future__ import annotations

from itertools import product

import numpy as np

from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.records import DatasetFacts, MeasuredResult, ReductionFacts, RunRecord, Seconds
from harness.core.specs import RunSpec
from tests.support.records.control import make_record


def make_regression(
    value: float | None,
    dataset: str = "regression/wine-red",
    arm: str = "full",
    label: str | None = None,
    size: int | None = None,
    learner: str = "least-squares",
    seed: int = 0,
    seconds: float = 1.0,
    metric: str = "test MSE",
    details: dict[str, float] | None = None,
) -> RunRecord:
    """Build the record of a regression run; no value makes it a failed one."""
    spec = RunSpec(
        task="regression",
        dataset=dataset,
        reducer=ReducerSpec(name=arm, label=label or arm),
        size=size,
        learner=LearnerSpec(name=learner),
        seed=seed,
    )
    if value is None:
        return make_record(spec, None)
    rows = size or 1279
    reduction = ReductionFacts(
        rows=rows,
        bytes=96 * rows,
        content_hash="1" * 64,
        synthetic=False,
        parameters={},
        diagnostics={},
    )
    result = MeasuredResult(
        dataset=DatasetFacts(rows=1279, bytes=122_784, content_hash="0" * 64),
        reduction=reduction,
        learner_parameters={},
        metric=metric,
        value=value,
        details=details or {},
        seconds=Seconds(reduction=seconds / 100, training=seconds, evaluation=seconds / 2),
    )
    return make_record(spec, result)


def make_gap(
    gap: float | None,
    predictors: int | None,
    dataset: str = "theory/gaussian-d5",
    dimension: int = 5,
    arm: str = "loss-matching",
    seed: int = 0,
    training_scale: float = 2.0,
    size: int = 50,
) -> RunRecord:
    """Build the record of a run of the theory suite."""
    identifiable = (dimension + 1) * (dimension + 2) // 2
    matched = {} if predictors is None else {"predictors": predictors}
    return make_regression(
        gap,
        dataset=dataset,
        arm=arm,
        label=f"{arm}-r{predictors / identifiable:.3f}" if predictors else arm,
        size=size,
        learner="worst-case",
        seed=seed,
        metric="worst-case gap",
        details={
            **matched,
            "identifiable": identifiable,
            "dimension": dimension,
            "training_scale": training_scale,
        },
    )


# of the paper's sets: least test MSE, and about what a random subsample of 20 rows adds to it
ERRORS = {
    "regression/boston": (24.0, 3.0),
    "regression/wine-red": (0.43, 1.4),
    "regression/wine-white": (0.57, 1.2),
}
EXCESS = {
    "full": 0.0,
    "random": 1.0,
    "leverage": 0.5,
    "tree-recombination": 0.3,
    "kernel-herding": 0.8,
    "exact": 0.0,
    "loss-matching": 0.02,
}


def make_study(
    datasets: tuple[str, ...] = tuple(ERRORS),
    arms: tuple[str, ...] = tuple(EXCESS),
    sizes: tuple[int, ...] = (20, 50, 100),
    learners: tuple[str, ...] = ("least-squares", "ridge"),
    seeds: int = 10,
) -> list[RunRecord]:
    """Build the records of a regression suite: split noise that the arms of a trial share."""
    rng = np.random.default_rng(11)
    records = []
    for dataset, learner, seed in product(datasets, learners, range(seeds)):
        least, worst = ERRORS[dataset]
        split = least * float(rng.normal(1, 0.08))
        records += [
            make_regression(
                split * (1 + worst * EXCESS[arm] * 20 / (size or 1e9) * float(rng.gamma(3) / 3)),
                dataset=dataset,
                arm=arm,
                size=size,
                learner=learner,
                seed=seed,
            )
            for arm in arms
            for size in ((None,) if arm == "full" else sizes)
        ]
    return records


def make_theory(seeds: int = 3) -> list[RunRecord]:
    """Build the records of the theory suite: gaps that vanish at q(q+1)/2 predictors."""
    rng = np.random.default_rng(5)
    datasets = {f"theory/gaussian-d{d}": d for d in (5, 10, 20)} | {"regression/boston": 13}
    return [
        make_gap(
            _gap(rng, arm, predictors / identifiable),
            predictors,
            dataset=dataset,
            dimension=dimension,
            arm=arm,
            seed=seed,
        )
        for dataset, dimension in datasets.items()
        for identifiable in [(dimension + 1) * (dimension + 2) // 2]
        for predictors in _counts(dimension, identifiable)
        for arm, seed in product(("loss-matching", "adversarial"), range(seeds))
    ]


def _counts(dimension: int, identifiable: int) -> list[int]:
    ratios = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.5, 2.0)
    counts = {round(ratio * identifiable) for ratio in ratios} | {(dimension + 1) // 2}
    return sorted(counts | ({100} if dimension == 13 else set()))


def _gap(rng: np.random.Generator, arm: str, ratio: float) -> float:
    noise = float(rng.lognormal(0, 0.3))
    if arm == "adversarial":
        return 0.0 if ratio >= 1 else noise * (1 - ratio) ** 0.3
    return 1e-8 * noise if ratio >= 1 else 0.3 * noise * (1 - ratio)
