import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis import judge, render_claims, write_report, write_tables
from harness.analysis.claims.published import Criterion, read_claims
from harness.analysis.claims.regression import COLUMNS
from harness.analysis.statistics import ratio_interval
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.support.records.control import make_run
from tests.support.records.regression import make_gap, make_regression, make_study

PUBLISHED = Path(__file__).parents[4] / "results" / "published" / "arxiv-2512.00536.toml"
FULL, RANDOM, LEVERAGE = "supervised-full", "supervised-random", "supervised-leverage"


def runs_of(errors: dict[str, list[float | None]]) -> list[RunRecord]:
    """One dataset and size: the error of every arm in every trial, None for a failed run."""
    return [
        make_regression(error, arm=arm, size=None if arm == "full" else 20, seed=seed)
        for arm, trials in errors.items()
        for seed, error in enumerate(trials)
    ]


def row(errors: dict[str, list[float | None]], claim: str) -> pd.Series:
    table = judge(runs_of(errors), PUBLISHED).set_index("claim")
    found = table.loc[claim]
    assert isinstance(found, pd.Series)
    return found


def around(value: float, spread: float = 0.0) -> list[float | None]:
    return [value - spread, value + spread] * 5


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.2, 1.2, "met"),
        (0.2, 1.21, "undecided"),
        (0.9, 1.1, "met"),
        (1.0, 1.2, "met"),
        (1.01, 1.1, "not met"),
        (1.01, 9.0, "not met"),
        (0.9, 9.0, "undecided"),
        (np.nan, np.nan, "undecided"),
    ],
)
def test_a_criterion_sees_the_whole_interval(low: float, high: float, verdict: str) -> None:
    criterion = Criterion(measure="error ratio", met_up_to=1.2, refuted_above=1.0)
    assert criterion.verdict(low, high) == verdict


def test_every_claim_is_judged_on_every_dataset_and_size(trials: Sequence[RunRecord]) -> None:
    table = judge(trials, PUBLISHED)
    assert list(table) == list(COLUMNS)
    blocks = table.groupby("claim").size()
    assert blocks.to_dict() == {FULL: 9, LEVERAGE: 9, RANDOM: 9}
    assert not table.duplicated(["claim", "dataset", "size"]).any()
    assert table["learner"].eq("least-squares").all()  # the paper's, and not ridge
    assert table["arm"].eq("loss-matching").all()
    assert table["trials"].eq(10).all()
    assert table["verdict"].isin(["met", "not met", "undecided"]).all()


@pytest.mark.parametrize(
    ("arm", "verdict"),
    [
        (around(1.04), "met"),
        (around(0.5), "met"),
        (around(1.06), "not met"),
        (around(1.05, 0.2), "undecided"),
    ],
)
def test_about_equal_allows_five_percent(arm: list[float | None], verdict: str) -> None:
    found = row({"full": around(1.0), "loss-matching": arm}, FULL)
    assert found["versus"] == "full"
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("arm", "verdict"),
    [
        (around(0.98), "met"),
        (around(1.0, 0.04), "met"),
        (around(1.02), "not met"),
        (around(1.02, 0.06), "undecided"),
    ],
)
def test_at_least_as_good_is_neither_known_to_be_worse_nor_worse_by_the_margin(
    arm: list[float | None], verdict: str
) -> None:
    found = row({"full": around(0.7), "leverage": around(1.0), "loss-matching": arm}, LEVERAGE)
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("arm", "verdict"),
    [
        (around(2.4), "met"),  # 0.4 of an excess of 1 is left
        (around(1.9), "met"),  # better than full
        (around(2.6), "not met"),
        (around(2.5, 0.4), "undecided"),
    ],
)
def test_much_better_halves_the_excess_over_full(arm: list[float | None], verdict: str) -> None:
    found = row({"full": around(2.0), "random": around(3.0), "loss-matching": arm}, RANDOM)
    assert found["verdict"] == verdict


def test_a_ratio_of_errors_is_the_mean_over_paired_trials() -> None:
    arm, versus = [2.0, 9.0, 4.0, 8.0], [1.0, 3.0, 8.0, 1.0]
    found = row({"full": [1.0] * 4, "leverage": [*versus], "loss-matching": [*arm]}, LEVERAGE)
    assert found["measured"] == pytest.approx((2 + 3 + 0.5 + 8) / 4)
    assert found["measured_low"] < found["measured"] < found["measured_high"]


def test_a_ratio_of_excess_is_that_of_means_of_paired_trials() -> None:
    full, arm, versus = [1.0, 2.0, 4.0], [1.5, 2.0, 6.0], [3.0, 3.0, 12.0]
    found = row({"full": [*full], "random": [*versus], "loss-matching": [*arm]}, RANDOM)
    above, below = [0.5, 0.0, 0.5], [2.0, 0.5, 2.0]
    assert found["measured"] == pytest.approx(sum(above) / sum(below))
    ends = (found["measured_low"], found["measured_high"])
    assert ends == pytest.approx(ratio_interval(above, below))


def test_trials_that_lack_an_arm_are_left_out() -> None:
    errors: dict[str, list[float | None]] = {
        "full": [1.0, None, 1.0, 1.0],
        "random": [2.0, 2.0, None, 3.0],
        "leverage": [2.0, 2.0, 2.0, None],
        "loss-matching": [1.0, 1.0, 1.0, 1.0],
    }
    table = judge(runs_of(errors), PUBLISHED).set_index("claim")["trials"]
    # against leverage, full is not needed
    assert table.to_dict() == {FULL: 3, RANDOM: 2, LEVERAGE: 3}


def test_a_trial_in_which_full_has_no_error_has_no_excess() -> None:
    errors: dict[str, list[float | None]] = {
        "full": [0.0, 1.0, 1.0],
        "random": [0.0, 3.0, 2.0],
        "loss-matching": [0.5, 1.5, 1.0],
    }
    found = row(errors, RANDOM)
    assert found["trials"] == 2
    assert found["measured"] == pytest.approx((0.5 + 0) / (2 + 1))


def test_an_absent_arm_leaves_its_claims_undecided() -> None:
    table = judge(runs_of({"full": around(1.0), "loss-matching": around(1.0)}), PUBLISHED)
    found = table.set_index("claim")
    assert found["verdict"].to_dict() == {FULL: "met", RANDOM: "undecided", LEVERAGE: "undecided"}
    assert found["trials"].to_dict() == {FULL: 10, RANDOM: 0, LEVERAGE: 0}
    assert found.loc[[RANDOM, LEVERAGE], "measured"].isna().all()


def test_a_report_counts_the_verdicts(tmp_path: Path) -> None:
    for record in runs_of({"full": around(1.0), "loss-matching": around(1.0)}):
        write_record(tmp_path, record)
    page = write_report(tmp_path, claims=PUBLISHED).read_text(encoding="utf-8")
    assert "Of 3 verdicts on published claims: 2 undecided, 1 met." in page


@pytest.mark.parametrize("arm", [1.0, 1.2, 0.9])
def test_nothing_is_much_better_than_a_random_subsample_that_loses_nothing(arm: float) -> None:
    errors = {"full": around(1.0), "random": around(1.0), "loss-matching": around(arm)}
    found = row(errors, RANDOM)
    assert found["measured"] == np.inf
    assert found["verdict"] == "not met"


def test_a_random_subsample_that_may_lose_nothing_refutes_a_lossy_arm() -> None:
    errors = {"full": around(1.0), "random": around(1.1, 0.2), "loss-matching": around(2.0, 0.1)}
    found = row(errors, RANDOM)
    assert 0.5 < found["measured_low"] < found["measured"] < found["measured_high"]
    assert found["verdict"] == "not met"


@pytest.mark.parametrize(
    "records",
    [
        [make_run([1.0])],
        [make_gap(0.5, 9)],
        [make_regression(1.0, learner="ridge", arm="loss-matching", size=9)],
    ],
    ids=["control", "theory", "another learner"],
)
def test_records_that_say_nothing_to_the_claims_are_refused(records: list[RunRecord]) -> None:
    with pytest.raises(InputError, match=r"no claim of .*least-squares"):
        judge(records, PUBLISHED)


def test_claims_of_control_say_nothing_to_regression() -> None:
    runs = make_study(datasets=("regression/boston",), learners=("least-squares",), seeds=2)
    assert "control-random" in {claim.id for claim in read_claims(PUBLISHED).claims}
    assert set(judge(runs, PUBLISHED)["claim"]) == {FULL, RANDOM, LEVERAGE}
    assert "control-" not in render_claims(runs, PUBLISHED)
    with pytest.raises(InputError, match=r"no claim of .* records of return"):
        judge([make_run([1.0], learner=learner) for learner in ("fqi", "least-squares")], PUBLISHED)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "', "title = ", "not TOML"),
        ('venue = "ICLR 2026"', "", "venue: Field required"),
        ('task = "regression"', 'task = "regresion"', "claims.0: .*'regression'"),
        ('measure = "error ratio"', 'measure = "gain"', "criteria.about-equal: .*'error ratio'"),
        (
            'criterion = "about-equal"',
            'criterion = "equal"',
            "criterion 'equal' of claim 'supervised-full': choose from about-equal, at-least",
        ),
        (
            'criterion = "reaches"',
            'criterion = "about-equal"',
            "criterion 'about-equal' of claim 'control-full': choose from "
            "much-better-and-learned, much-better-score, reach",
        ),
        (
            'versus = "full"\ncriterion = "reaches"',
            'versus = "full"\nfairer = "stratified"\ncriterion = "reaches"',
            "'stratified' is fairer than 'random', and claim 'control-full' is versus 'full'",
        ),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    damaged = tmp_path / "claims.toml"
    text = PUBLISHED.read_text()
    assert old in text
    damaged.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=complaint) as refusal:
        read_claims(damaged)
    assert "\n" not in str(refusal.value)
    assert str(damaged) in str(refusal.value)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*absent.toml"):
        judge([make_regression(1.0)], tmp_path / "absent.toml")


def test_the_paper_is_cited() -> None:
    published = read_claims(PUBLISHED)
    assert published.citation == (
        "Aaryan Gupta, Rishi Saket, Aravindan Raghuveer: Algorithmic Guarantees for Distilling "
        "Supervised and Offline RL Datasets, arXiv 2512.00536, ICLR 2026"
    )
    assert {claim.task for claim in published.claims} == {"regression", "control"}


def test_the_text_holds_claims_counts_and_every_verdict(trials: Sequence[RunRecord]) -> None:
    table, text = judge(trials, PUBLISHED), render_claims(trials, PUBLISHED)
    published = read_claims(PUBLISHED)
    lines = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    assert text.startswith(f"Claims of {published.citation}")
    assert "seeds 0–9" in text
    for claim, criterion in published.regression:
        (summary,) = (line for line in lines if claim.text in line)
        verdicts = table.loc[table["claim"] == claim.id, "verdict"].tolist()
        counts = [verdicts.count(verdict) for verdict in ("met", "not met", "undecided")]
        assert [int(cell) for cell in summary[-4:-1]] == counts
        for bound in (criterion.met_up_to, criterion.refuted_above):
            assert f"{bound:g}" in summary[3]
        details = [line[-2] for line in lines if claim.id in line and claim.text not in line]
        assert details == verdicts


def test_the_text_does_not_depend_on_the_order_of_records(trials: Sequence[RunRecord]) -> None:
    shuffled = random.Random(5).sample(trials, len(trials))
    assert render_claims(shuffled, PUBLISHED) == render_claims(trials, PUBLISHED)


def test_tables_hold_the_claims_where_they_are_given(
    tmp_path: Path, trials: Sequence[RunRecord]
) -> None:
    for record in trials:
        write_record(tmp_path, record)
    assert "claims.md" not in {path.name for path in write_tables(tmp_path)}
    paths = {path.name: path for path in write_tables(tmp_path, PUBLISHED)}
    assert set(paths) == {"comparison.md", "comparison.csv", "comparison.tex", "claims.md"}
    assert paths["claims.md"].read_text() == render_claims(trials, PUBLISHED)
