"""Learners beside themselves under another engine."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.analysis.metrics import RETURNS, metric_of
from harness.analysis.metrics.returns.comparison import ALL_DATASETS
from harness.analysis.metrics.returns.engines import compare_engines
from harness.core.classes.specs import LearnerSpec
from harness.core.errors import InputError
from harness.core.records import RunRecord
from tests.support.records.control import make_run


def runs_by(
    engine: str, label: str, scores: Sequence[float | None], dataset: str = "a", steps: int = 10
) -> list[RunRecord]:
    """One run of ``dqn`` a seed, with these scores; None for a failed one."""
    learner = LearnerSpec(name="dqn", label=label, parameters={"steps": steps})
    made = [
        make_run(
            None if score is None else [100 * score], dataset=dataset, arm="random", size=20, seed=n
        )
        for n, score in enumerate(scores)
    ]
    changed = {"engine": engine, "learner": learner}
    return [run.model_copy(update={"spec": run.spec.model_copy(update=changed)}) for run in made]


def test_differences_are_taken_within_seeds_and_datasets_count_alike() -> None:
    table = compare_engines(
        [
            *runs_by("d3rlpy", "dqn", [0.5, 0.5, 0.9]),
            *runs_by("fast", "quick", [0.6, 0.8, None]),
            *runs_by("d3rlpy", "dqn", [0.5], "b"),
            *runs_by("fast", "quick", [0.0], "b"),
        ]
    )
    assert table["dataset"].tolist() == ["a", "b", ALL_DATASETS]
    assert table["learner"].tolist() == ["dqn"] * 3
    assert table["engine"].tolist() == ["fast"] * 3
    assert table["pairs"].tolist() == [2, 1, 3]
    assert table["difference"].tolist() == pytest.approx([0.2, -0.5, (0.2 - 0.5) / 2])
    assert table["reference"].tolist()[:2] == pytest.approx([0.5, 0.5])
    assert table["score"].tolist()[:2] == pytest.approx([0.7, 0.0])


def test_learners_that_differ_in_more_than_the_engine_are_no_pair() -> None:
    one = runs_by("d3rlpy", "dqn", [0.5, 0.5])
    assert compare_engines([*one, *runs_by("fast", "longer", [0.5, 0.5], steps=20)]).empty
    assert compare_engines([*one, *runs_by("d3rlpy", "other", [0.5, 0.5])]).empty


def test_captions_name_the_engine_where_it_is_not_the_reference() -> None:
    reference, fast = runs_by("d3rlpy", "dqn", [0.5]), runs_by("fast", "quick", [0.5])
    assert "engine" not in RETURNS.caption(reference)
    assert "; engine fast;" in RETURNS.caption(fast)
    both = RETURNS.caption([*reference, *fast])
    assert "engine d3rlpy: dqn; engine fast: quick" in both


def test_one_label_of_two_engines_is_refused() -> None:
    mixed = [*runs_by("d3rlpy", "dqn", [0.5]), *runs_by("fast", "dqn", [0.5, 0.5])[1:]]
    with pytest.raises(InputError, match=r"'dqn'.*'d3rlpy' and 'fast'.*labels of their own"):
        metric_of(mixed)
