"""What of a score is owed to the signal: arms beside their controls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.analysis.metrics import RETURNS
from harness.analysis.metrics.returns.signal import compare_signal, tell_unearned
from harness.core.classes.specs import ReducerSpec
from harness.core.records import RunRecord
from tests.support.records.control import make_run


def runs_of(reducer: dict[str, str], values: Sequence[float | None]) -> list[RunRecord]:
    """One run a seed, whose score is a hundredth of its return; None for a failed one."""
    spec = ReducerSpec.model_validate(reducer)
    made = [
        make_run(
            None if value is None else [value], dataset="a", arm=spec.label, size=20, seed=seed
        )
        for seed, value in enumerate(values)
    ]
    return [
        run.model_copy(update={"spec": run.spec.model_copy(update={"reducer": spec})})
        for run in made
    ]


ADVANTAGE = {"name": "random", "labels": "advantage"}


def test_a_score_is_credited_beyond_that_of_its_control() -> None:
    records = [
        *runs_of(ADVANTAGE, [90.0, 70.0, 80.0]),
        *runs_of(ADVANTAGE | {"control": "constant"}, [10.0, 20.0, None]),
        *runs_of(ADVANTAGE | {"control": "permuted"}, [0.0, 0.0, 0.0]),
        *runs_of({"name": "random"}, [50.0, 50.0, 50.0]),
    ]
    table = compare_signal(records)
    assert table["arm"].tolist() == ["random-advantage"] * 2
    assert table["control"].tolist() == ["constant", "permuted"]
    assert table["pairs"].tolist() == [2, 3]
    assert table["owed"].tolist() == pytest.approx([(0.8 + 0.5) / 2, 0.8])
    assert table["without_signal"].tolist() == pytest.approx([0.15, 0.0])


def test_no_control_no_table_and_no_remark() -> None:
    records = runs_of(ADVANTAGE, [90.0, 70.0])
    assert compare_signal(records).empty
    assert tell_unearned(records) == ""


def test_what_scores_without_signal_is_named_in_captions() -> None:
    sound = [
        *runs_of(ADVANTAGE, [90.0] * 2),
        *runs_of(ADVANTAGE | {"control": "constant"}, [5.0] * 2),
    ]
    assert "no control without signal scores above 0.1" in RETURNS.caption(sound)
    idle = [
        *runs_of({"name": "random"}, [90.0] * 2),
        *runs_of({"name": "random", "control": "constant"}, [95.0] * 2),
    ]
    told = "no achievement: random under fqi at 20 on a 0.95 (constant)"
    assert told in RETURNS.caption(idle + sound)
    caption = RETURNS.figures(idle + sound)["arm-return"].texts[-1].get_text()
    assert "Controls: scored without signal" in " ".join(caption.split())


def test_an_arm_of_all_rows_is_named_once() -> None:
    full = [
        *runs_of({"name": "full"}, [90.0]),
        *runs_of({"name": "full", "control": "constant"}, [80.0]),
    ]
    whole = [
        run.model_copy(update={"spec": run.spec.model_copy(update={"size": None})}) for run in full
    ]
    told = tell_unearned([*whole, *runs_of({"name": "random"}, [9.0])])
    assert told.count("full under fqi on a 0.80 (constant)") == 1
    assert " at " not in told


def test_an_arm_of_other_parameters_is_no_partner() -> None:
    records = [
        *runs_of(ADVANTAGE, [90.0]),
        *runs_of({"name": "random", "labels": "shaped", "control": "constant"}, [0.0]),
    ]
    assert compare_signal(records).empty


def test_a_control_whose_arm_was_not_run_is_named_by_its_own_label() -> None:
    control = runs_of({"name": "random", "control": "constant"}, [95.0] * 2)
    told = "no achievement: random-constant under fqi at 20 on a 0.95 (constant)"
    assert told in tell_unearned(control)
    failed = runs_of({"name": "random"}, [None] * 2)
    assert told in tell_unearned([*failed, *control])
    assert compare_signal(control).empty


def test_a_verdict_credits_no_set_whose_control_scores_without_signal() -> None:
    full = [make_run([100.0], dataset="a", seed=seed) for seed in range(2)]
    records = [
        *full,
        *runs_of({"name": "random"}, [99.0] * 2),
        *runs_of({"name": "random", "control": "constant"}, [95.0] * 2),
        *runs_of(ADVANTAGE, [92.0] * 2),
        *runs_of(ADVANTAGE | {"control": "constant"}, [5.0] * 2),
    ]
    told = RETURNS.verdict(records, RETURNS.compare(records))
    assert "the smallest of 1 sets (1 left out, which score without signal)" in told
    assert "by random-advantage, learner fqi on a, retention 0.92" in told
