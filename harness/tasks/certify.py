"""The report of `certify`: bounds on the loss gap between a saved reduction and its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from envs.dataset import Dataset, make_dataset
from envs.loading import open_dataset, open_recording
from envs.regression.datasets import is_tabular, open_tabular
from harness.core.classes.reading import (
    AS_STORED,
    Reading,
    read_without_options,
    refuse_for_regression,
)
from harness.core.computing.threads import one_thread
from harness.core.errors import InputError
from harness.core.reduction import reduce_seeded
from harness.core.rows import row_shape
from harness.core.seeding import stream
from harness.core.transitions import Transitions
from harness.distillation.bellman import BellmanDistiller
from harness.numerics.certificates.bellman import certify_bellman
from harness.numerics.certificates.regression import regression_certificate, regression_moments
from harness.numerics.fresh_predictors import FreshPredictors
from harness.numerics.predictors import Actions
from harness.numerics.standardising import Standardised, Units
from harness.tasks.builtin import REDUCERS
from harness.tasks.saving import load_origin, load_regression_set
from harness.tasks.teachers.fitting import teachers_of
from harness.tasks.teaching.judging import make_judge, make_learner, report_use
from harness.tasks.teaching.saved_labels import labels_of

SUBSETS = ("random", "stratified", "leverage")  # of the same size, to compare with
FRESH = 1000  # number of predictors, which no method has matched
DISCOUNT = 0.99  # unless the reduction records the γ that it was made for


def certify(
    distilled: str,
    against: str,
    discount: float | None,
    seed: int,
    learner: str | None = None,
    reading: Reading = AS_STORED,
) -> Iterator[str]:
    """Report how far losses on a reduction can be from losses on its source, line by line.

    Of continuous actions without a codebook there are no such losses, and a policy is evaluated.

    Libraries have one thread until the last line, as while a set is reduced.

    Args:
        distilled: A saved reduction, or a dataset's id.
        against: The source's id.
        discount: γ of the Bellman loss; None: the one that the reduction was made for.
        seed: Draws the subsets that the reduction is compared with, and seeds the learner.
        learner: Is trained on the reduction, and its policy judged by the source; None: nothing is
            trained.
        reading: What is said of the source.

    Raises:
        InputError: If either cannot be read, they differ in their columns, there is no such
            learner of policies, or something is said of a regression set.
    """
    if is_tabular(against):
        refuse_for_regression(reading, against)
        if learner is not None:
            raise InputError(
                f"learner {learner!r} for the regression set {against!r}: a learner's policy is "
                "judged by transitions; leave --learner out"
            )
    with one_thread(), teachers_of(against):
        if is_tabular(against):
            yield from _certify_regression(Path(distilled), against)
        else:
            with read_without_options("the reduction"):
                # rules of recordings are not for reductions
                made = open_dataset(distilled, quietly=True)
            source = _open_source(against, distilled, made, reading)
            report = _report_vectors if source.transitions.is_continuous else _certify_control
            origin = load_origin(distilled)
            if discount is None:
                discount = float(origin.get("discount", DISCOUNT))
            yield from report(distilled, origin, made, source, discount, seed, learner)


def _open_source(against: str, distilled: str, made: Dataset, reading: Reading) -> Dataset:
    """Open the source of a reduction, with the reduction's codebook for continuous actions."""
    recording = open_recording(against, reading)
    coded = recording.continuous or recording.reference.codebook is not None
    uncoded = made.transitions.is_continuous
    fits = recording.continuous if uncoded else coded == (made.codebook is not None)
    if not fits:
        kind = "continuous" if uncoded else "discrete"
        has = "a codebook of continuous" if made.codebook else kind
        raise InputError(
            f"{distilled!r} has {has} actions, but the actions of {against!r} are "
            f"{'continuous' if recording.continuous else 'discrete'}: give the dataset that it was "
            "made from as --against, and say of its actions what was said then, by --discrete or "
            "--continuous"
        )
    return make_dataset(recording, made.codebook if recording.continuous else None)


def _certify_control(
    distilled: str,
    origin: Mapping[str, Any],
    made: Dataset,
    source: Dataset,
    discount: float,
    seed: int,
    learner: str | None,
) -> Iterator[str]:
    yield from _doubts(distilled, origin, source)
    reduced = made.transitions
    full = recorded = source.transitions
    labelled = labels_of(origin.get("parameters", {}))
    if learner is not None:  # before hundreds of predictors are compared: it may be refused
        trainee = make_learner(learner, discount)
        teacher = labelled.teacher if labelled is not None else None
        judge = make_judge(teacher, recorded, discount)
    if labelled is not None:
        full = labelled.label(full)
        yield f"both with {labelled.labels.name} labels, by the same teacher"
    certificate = certify_bellman(full, reduced, discount)
    yield f"{len(reduced)} transitions against {len(full)}, discount {discount}"
    yield "additive predictors of norm at most 1, worst case over all of them:"
    yield f"  loss gap at most {certificate.bound:.3g}, and found {certificate.worst_gap:.3g}"
    yield f"  relative loss gap at most {certificate.relative_bound:.3g}"
    yield "relative loss gap of 1,000 sampled predictors that no method has seen:"
    yield f"  {'predictors':<11}{'set':<13}{'median':>10}{'95 %':>10}{'largest':>10}"
    sets = {"this": reduced} | _subsets(full, len(reduced), discount, seed)
    judges = {
        actions: FreshPredictors.draw(full, actions, discount) for actions in get_args(Actions)
    }
    distiller = _distiller(origin)
    if distiller and (distiller.features != "identity" or distiller.law != "gaussian"):
        judges["own"] = _own_predictors(distiller, full, discount)
    for kind, fresh in judges.items():
        for name, transitions in sets.items():
            median, high, maximum = np.quantile(fresh.gaps(transitions), [0.5, 0.95, 1.0])
            yield f"  {kind:<11}{name:<13}{median:>10.2g}{high:>10.2g}{maximum:>10.2g}"
    if learner is not None:
        yield from report_use(trainee, judge, recorded, reduced, discount, seed, made.codebook)


def _report_vectors(
    distilled: str,
    origin: Mapping[str, Any],
    made: Dataset,
    source: Dataset,
    discount: float,
    seed: int,
    learner: str | None,
) -> Iterator[str]:
    """Evaluate a policy learned from continuous actions, of which there are no certificates.

    The teacher of the set's labels, if it has any, judges the policy too.

    Raises:
        InputError: If no learner of such actions is named, the set and its source differ in their
            columns, or the teacher cannot judge.
    """
    full, reduced = source.transitions, made.transitions
    if learner is None:
        raise InputError(
            f"{distilled!r} has continuous actions: losses of Q-functions are compared over "
            "discrete ones alone; name a learner of continuous actions, as --learner iql, whose "
            "policy is evaluated, or reduce with --codebook"
        )
    if row_shape(full) != row_shape(reduced):
        raise InputError(
            f"observations and actions of {row_shape(full)} numbers against {row_shape(reduced)}: "
            "both datasets must come from one environment; give the source as --against"
        )
    trainee = make_learner(learner, discount)
    trainee.rows_for(reduced)  # before a teacher is trained: it may be refused
    yield from _doubts(distilled, origin, source)
    labelled = labels_of(origin.get("parameters", {}))
    judge = None if labelled is None else make_judge(labelled.teacher, full, discount)
    yield f"{len(reduced)} transitions against {len(full)}, discount {discount}"
    yield from report_use(trainee, judge, full, reduced, discount, seed)


def _doubts(distilled: str, origin: Mapping[str, Any], source: Dataset) -> Iterator[str]:
    if (origin.get("source_hash") or source.content_hash) != source.content_hash:
        yield f"note: according to {distilled} it was made from other data: {origin.get('source')}"


def _distiller(origin: Mapping[str, Any]) -> BellmanDistiller | None:
    """The Bellman distiller that made a set, if any: its own predictors are compared too."""
    if origin.get("method") != BellmanDistiller.name:
        return None
    made: BellmanDistiller = REDUCERS.make(BellmanDistiller.name, origin.get("parameters", {}))
    return made


def _own_predictors(
    distiller: BellmanDistiller, full: Transitions, discount: float
) -> FreshPredictors:
    """Draw fresh predictors from the law and features of a distiller."""
    fresh = distiller.model_copy(update={"predictors": FRESH})
    data = Standardised.of(full)
    predictors = fresh.sample_predictors(full, data, stream("fresh predictors of one's own"))
    return FreshPredictors.of(full, data, predictors, discount)


def _subsets(full: Transitions, size: int, discount: float, seed: int) -> dict[str, Transitions]:
    return {
        method: reduce_seeded(
            full, REDUCERS.make(method, {}, discount=discount), min(size, len(full)), seed
        ).rows
        for method in SUBSETS
    }


def _certify_regression(path: Path, against: str) -> Iterator[str]:
    source = open_tabular(against)
    reduced = load_regression_set(path)
    columns = source.features.shape[1]
    if reduced.features.shape[1] != columns:
        raise InputError(
            f"{str(path)!r} has {reduced.features.shape[1]} features and {against!r} {columns}: "
            "a certificate compares a reduction with its source; give the source as --against"
        )
    units = Units.of(source.features, source.targets)
    full = units.apply(source.features, source.targets, np.ones(len(source.targets)))
    small = units.apply(reduced.features, reduced.targets, reduced.weights)
    moments = regression_moments(full)
    certificate = regression_certificate(moments, regression_moments(small))
    largest = float(np.linalg.norm(moments.second_moment, 2))
    yield f"{len(small)} rows against {len(full)}, standardised"
    yield "linear regressors of norm at most 1, worst case over all of them:"
    yield f"  loss gap {certificate.worst_gap:.3g}, attained; their largest loss is {largest:.3g}"
    yield f"  relative loss gap {certificate.relative_gap:.3g}, attained"
