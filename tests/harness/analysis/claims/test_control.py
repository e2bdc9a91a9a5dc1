import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis import (
    Tables,
    caption,
    comparison,
    embed_found,
    judge_control,
    judge_evidence,
    render,
    render_verdict_table,
    write_tables,
)
from harness.analysis.claims import render_claims
from harness.analysis.claims.control import COLUMNS, ONLY_RANDOM
from harness.analysis.claims.published import ScoreCriterion, read_claims
from harness.analysis.metrics import RETURNS
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.support.records.control import make_run
from tests.support.records.regression import make_regression
from tests.support.written import number, read_markdown

PUBLISHED = Path(__file__).parents[4] / "results" / "published" / "arxiv-2512.00536.toml"
CARTPOLE = "classic/cartpole/medium-v0"
RANDOM, LEARNED = "control-random", "control-random-learned"
FULL, FEW = "control-full", "control-few-predictors"
K20, K100 = "bellman-product-k20", "bellman-product-k100"
Scores = Mapping[str, float | Sequence[float | None]]


def runs_of(
    arms: Scores,
    sizes: Sequence[int] = (50, 100, 200),
    learners: Sequence[str] = ("fqi",),
    dataset: str = CARTPOLE,
) -> list[RunRecord]:
    """Runs of every size with these scores: one for ten seeds, or one a seed, None if failed."""
    return [
        make_run(
            None if score is None else [100 * score],
            dataset=dataset,
            arm=arm,
            size=size,
            learner=learner,
            seed=seed,
        )
        for (arm, scores), learner in product(arms.items(), learners)
        for size in ((None,) if arm == "full" else sizes)
        for seed, score in enumerate([scores] * 10 if isinstance(scores, float) else scores)
    ]


def verdict(arms: Scores, claim: str) -> str:
    return str(row(runs_of(arms), claim)["verdict"])


def row(records: Sequence[RunRecord], claim: str, dataset: str = CARTPOLE) -> pd.Series:
    found = judge_control(records, PUBLISHED).set_index(["claim", "dataset"]).loc[(claim, dataset)]
    assert isinstance(found, pd.Series)
    return found


def around(value: float, spread: float) -> list[float | None]:
    return [value - spread, value + spread] * 5


@pytest.mark.parametrize(
    ("difference", "score", "expected"),
    [
        ((0.05, 0.3), (0.9, 1.0), "reproduced"),
        ((0.0, 0.3), (0.9, 1.0), "undecided"),
        ((-0.5, 0.3), (0.9, 1.0), "undecided"),
        ((0.05, 0.1), (0.9, 1.0), "not reproduced"),
        ((-0.5, -0.2), (0.9, 1.0), "not reproduced"),
        ((0.05, 0.3), (0.2, 0.4), "reproduced"),
        ((0.05, 0.3), (0.15, 0.4), "undecided"),
        ((0.05, 0.3), (0.0, 0.15), "not reproduced"),
        ((np.nan, np.nan), (0.9, 1.0), "undecided"),
        ((0.05, 0.3), (np.nan, np.nan), "undecided"),
    ],
)
def test_a_criterion_sees_both_intervals(
    difference: tuple[float, float], score: tuple[float, float], expected: str
) -> None:
    criterion = ScoreCriterion(
        measure="score difference", refuted_up_to=0.1, met_above=0.0, learned_above=0.15
    )
    assert criterion.verdict(difference, score) == expected


def test_any_score_will_do_where_none_is_asked_for() -> None:
    criterion = ScoreCriterion(measure="score difference", refuted_up_to=0.1, met_above=0.0)
    assert criterion.verdict((0.2, 0.3), (-0.1, 0.0)) == "reproduced"


@pytest.mark.parametrize(
    ("bellman", "stratified", "expected"),
    [
        (0.8, 0.4, "reproduced"),
        (around(0.5, 0.2), 0.2, "reproduced"),
        (0.8, 0.8, ONLY_RANDOM),
        (0.8, around(0.7, 0.3), ONLY_RANDOM),
        (0.25, 0.2, "not reproduced"),  # better than random, but not by a tenth
        (0.1, 0.2, "not reproduced"),
        (around(0.3, 0.5), 0.2, "undecided"),
    ],
)
def test_much_better_than_random_and_perhaps_than_stratified(
    bellman: float, stratified: float, expected: str
) -> None:
    assert verdict({"random": 0.2, "stratified": stratified, K20: bellman}, RANDOM) == expected


@pytest.mark.parametrize(("bellman", "expected"), [(0.4, "reproduced"), (0.05, "not reproduced")])
def test_much_better_asks_of_the_later_criterion_that_something_was_learned(
    bellman: float, expected: str
) -> None:
    arms: Scores = {"random": bellman - 0.3, "stratified": bellman - 0.3, K20: bellman}
    assert verdict(arms, RANDOM) == "reproduced"
    assert verdict(arms, LEARNED) == expected


def test_corrected_intervals_hold_together() -> None:
    rng = np.random.default_rng(0)
    noisy = [float(value) for value in rng.normal(0.22, 0.2, 10)]
    table = judge_control(runs_of({"random": 0.1, "stratified": 0.1, K20: noisy}), PUBLISHED)
    found = table[table["claim"] == RANDOM].iloc[0]
    gains = np.array(noisy) - 0.1
    means = np.random.default_rng(1).choice(gains, (200_000, 10)).mean(axis=1)
    ends = np.quantile(means, [0.025 / len(table), 1 - 0.025 / len(table)])
    assert found[["corrected_low", "corrected_high"]].tolist() == pytest.approx(ends, abs=0.03)
    assert found["corrected_low"] <= 0 < found["difference_low"]
    assert (found["verdict"], found["corrected verdict"]) == ("reproduced", "undecided")


@pytest.mark.parametrize(
    ("bellman", "full", "expected"),
    [
        (0.95, 1.0, "reproduced"),
        (1.0, 0.4, "reproduced"),
        (0.5, 0.0, "reproduced"),  # exceeding full data that taught nothing
        (0.85, 1.0, "not reproduced"),
        (around(0.9, 0.2), 1.0, "undecided"),
        (0.0, 0.0, "not reproduced"),  # as good as full, and both learned nothing
    ],
)
def test_reaching_full_allows_a_tenth_below(bellman: float, full: float, expected: str) -> None:
    assert verdict({"full": full, K20: bellman}, FULL) == expected


@pytest.mark.parametrize(
    ("few", "many", "expected"),
    [(0.8, 0.85, "reproduced"), (0.6, 0.85, "not reproduced"), (0.02, 0.02, "not reproduced")],
)
def test_few_predictors_must_suffice_for_something(few: float, many: float, expected: str) -> None:
    assert verdict({K20: few, K100: many}, FEW) == expected


def test_a_seed_counts_with_its_mean_over_the_sizes() -> None:
    gains = {50: [0.1, 0.2, 0.3], 100: [0.5, 0.5, 0.2], 200: [0.9, 0.5, 0.7]}
    records = [
        record
        for size, found in gains.items()
        for record in runs_of({"random": [0.1] * 3, K20: [0.1 + g for g in found]}, (size,))
    ]
    found = row(records, RANDOM)
    per_seed = [sum(found) / 3 for found in zip(*gains.values(), strict=True)]
    assert found["difference"] == pytest.approx(sum(per_seed) / 3)
    assert found["score"] == pytest.approx(0.1 + sum(per_seed) / 3)
    assert found["difference_low"] >= min(per_seed) - 1e-9
    assert found["difference_high"] <= max(per_seed) + 1e-9
    assert (found["seeds"], found["unpaired"], found["sizes"]) == (3, 0, "50, 100, 200")
    assert found["verdict"] == "undecided"  # of three seeds


def test_seeds_that_lack_a_size_or_an_arm_are_left_out() -> None:
    records = [
        *runs_of({"random": [0.1, 0.1, 0.1, None]}),
        *runs_of({K20: [0.9, 0.9, 0.9, 0.9]}, (50, 100)),
        *runs_of({K20: [0.9, None, 0.9, 0.9]}, (200,)),
    ]
    found = row(records, RANDOM)
    assert (found["seeds"], found["unpaired"]) == (2, 2)
    assert found["score"] == pytest.approx(0.9)


@pytest.mark.parametrize("lost", [0, 1, 8])
def test_a_seed_without_a_run_leaves_a_claim_undecided(lost: int) -> None:
    """An arm that fails where it is worst must not be judged by what is left."""
    kept: list[float | None] = [0.9] * (10 - lost)
    arms: Scores = {"random": 0.1, "stratified": 0.1, K20: [None] * lost + kept}
    assert verdict(arms, RANDOM) == ("undecided" if lost else "reproduced")


def test_all_numbers_of_a_row_rest_on_the_same_seeds() -> None:
    arms: Scores = {
        "random": [0.1] * 9 + [None],
        "stratified": [None, *[0.2] * 9],
        K20: [0.9, *[0.5] * 8, 0.9],
    }
    found = row(runs_of(arms), RANDOM)
    assert (found["seeds"], found["unpaired"]) == (8, 2)
    numbers = found[["score", "difference", "fair_difference"]].tolist()
    assert numbers == pytest.approx([0.5, 0.4, 0.3])


def test_growth_is_judged_at_the_largest_size() -> None:
    arms = runs_of({"full": 1.0, K20: 0.2}, (50, 100))
    assert row([*arms, *runs_of({K20: 1.0}, (200,))], FULL)["verdict"] == "reproduced"


def test_what_was_not_run_is_not_tested() -> None:
    table = judge_control(runs_of({"random": 0.1, K20: 0.9}), PUBLISHED)
    verdicts = table.set_index(["claim", "dataset"])["verdict"]
    assert verdicts[(RANDOM, CARTPOLE)] == "undecided"  # stratified was not run
    others = verdicts.drop([(RANDOM, CARTPOLE), (LEARNED, CARTPOLE)])
    assert set(others) == {"not tested"}


def test_runs_that_failed_leave_a_claim_undecided() -> None:
    assert verdict({"random": 0.1, K20: [None] * 10}, RANDOM) == "undecided"


def test_every_claim_has_a_verdict_on_every_dataset_that_it_names() -> None:
    table = judge_control(runs_of({"random": 0.1, K20: 0.9}), PUBLISHED)
    assert list(table) == list(COLUMNS)
    assert table.groupby("claim").size().to_dict() == {RANDOM: 3, LEARNED: 3, FULL: 2, FEW: 3}
    assert "mountaincar" not in "".join(table.loc[table["claim"] == FULL, "dataset"])
    assert set(table["learner"]) == {"fqi"}  # the paper's


def test_the_evidence_names_every_learner_arm_and_size() -> None:
    arms = {"random": 0.1, "stratified": 0.1, "bellman": 0.3, K20: 0.5, K100: 0.9}
    records = runs_of(arms, (20, 50, 100, 200), ("dqn", "fqi"))
    table = judge_evidence(records, PUBLISHED)
    chosen = table[table["claim"] == RANDOM]
    assert len(chosen) == 2 * 3 * (1 + 4)
    assert set(chosen["sizes"]) == {"50, 100, 200", "20", "50", "100", "200"}
    assert FULL not in set(table["claim"])  # full was not run
    same = ["claim", "dataset", "learner", "sizes", "arm"]
    both = table.merge(judge_control(records, PUBLISHED), on=same)
    assert both["verdict_x"].tolist() == both["verdict_y"].tolist()
    assert len(both) == 3


def test_records_or_claims_of_regression_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no claim of .* records of test MSE"):
        judge_control([make_regression(1.0)], PUBLISHED)
    lone = tmp_path / "claims.toml"
    text = PUBLISHED.read_text()
    first = text.index('[[claims]]\nid = "control-random"')
    lone.write_text(text[:first])
    with pytest.raises(InputError, match="takes returns and claims of control"):
        judge_control([make_run([1.0])], lone)


def test_the_text_holds_citation_criteria_verdicts_and_evidence() -> None:
    records = runs_of({"full": 1.0, "random": 0.1, "stratified": 0.2, K20: 0.5, K100: 0.9})
    text, published = render_claims(records, PUBLISHED), read_claims(PUBLISHED)
    assert text.startswith(f"Claims of {published.citation}")
    assert render_verdict_table(records, PUBLISHED) in text
    for claim, criterion in published.control:
        (line,) = (line for line in text.splitlines() if line.startswith(f"- {claim.id}: "))
        assert f"ends at {criterion.refuted_up_to:g}" in line
        assert f"begins above {criterion.met_above:g}" in line
    for part in ("seeds 0–9", "500 gradient steps", "discount 0.99", f"{CARTPOLE} 10000"):
        assert part in text
    evidence = read_markdown(text.rpartition("\n\n")[2])
    table = judge_evidence(records, PUBLISHED)
    assert evidence["verdict"].tolist() == table["verdict"].tolist()
    assert [number(cell) for cell in evidence["difference"]] == pytest.approx(
        table["difference"].tolist(), abs=0.0051
    )


def test_the_verdict_table_is_in_words_and_says_what_was_not_tested() -> None:
    records = runs_of({"full": 1.0, "random": 0.1, "stratified": 0.2, K20: 0.5, K100: 0.9})
    cells, published = (
        read_markdown(render_verdict_table(records, PUBLISHED).partition("\n\n")[0]),
        read_claims(PUBLISHED),
    )
    judged = judge_control(records, PUBLISHED)
    assert cells["verdict"].tolist() == [*judged["verdict"], "not tested"]
    texts = {claim.id: claim.text for claim, _ in published.control}
    assert cells["claim"].tolist()[:-1] == [texts[claim] for claim in judged["claim"]]
    assert "D4RL" in cells["claim"].iloc[-1]
    assert not (cells == "nan").any(axis=None)


def test_the_text_does_not_depend_on_the_order_of_records() -> None:
    rng = np.random.default_rng(3)
    arms = {arm: [float(s) for s in rng.uniform(0, 1, 4)] for arm in ("full", "random", K20, K100)}
    records = runs_of(arms)
    shuffled = random.Random(5).sample(records, len(records))
    assert render_claims(shuffled, PUBLISHED) == render_claims(records, PUBLISHED)


@pytest.mark.parametrize("say", [judge_control, judge_evidence, render_verdict_table])
def test_records_may_come_one_at_a_time(
    say: Callable[[Iterable[RunRecord], Path], pd.DataFrame | str],
) -> None:
    runs = runs_of({K20: 0.9, "random": 0.1, "full": 1.0})
    assert str(say(iter(runs), PUBLISHED)) == str(say(runs, PUBLISHED))
    assert "reproduced" in str(say(iter(runs), PUBLISHED))


def test_tables_of_control_hold_the_claims_where_they_are_given(tmp_path: Path) -> None:
    records = runs_of({"full": 1.0, "random": 0.1, K20: 0.9}, (200,))
    for record in records:
        write_record(tmp_path, record)
    paths = {path.name: path for path in write_tables(tmp_path, PUBLISHED)}
    assert paths["claims.md"].read_text() == render_claims(records, PUBLISHED)
    table = f"{render(comparison(records), 'markdown', RETURNS.columns)}\n{caption(records)}\n"
    assert Tables.read(tmp_path).blocks("csv") == {
        tmp_path.name: render(comparison(records), "csv", RETURNS.columns)
    }
    assert Tables.read(tmp_path).blocks("markdown") == {tmp_path.name: table}
    assert Tables.read(tmp_path, PUBLISHED).blocks("markdown") == {
        tmp_path.name: table,
        f"{tmp_path.name} verdict": render_verdict_table(records, PUBLISHED),
    }


def test_blocks_are_filled_where_their_marks_stand(tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    text.write_text("<!-- begin a verdict -->\nold\n<!-- end a verdict -->\n")
    embed_found(text, {"a": "table\n", "a verdict": "new\n"})
    assert text.read_text() == "<!-- begin a verdict -->\nnew\n<!-- end a verdict -->\n"
    both = "<!-- begin a -->\n<!-- end a -->\n"
    text.write_text(both + text.read_text())
    embed_found(text, {"a": "table\n", "a verdict": "newer\n"})
    assert text.read_text() == (
        "<!-- begin a -->\ntable\n<!-- end a -->\n"
        "<!-- begin a verdict -->\nnewer\n<!-- end a verdict -->\n"
    )


def test_a_text_without_any_mark_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    text.write_text("nothing\n<!-- begin b -->\n")
    with pytest.raises(InputError, match="<!-- begin a -->"):
        embed_found(text, {"a": "x\n", "c": "y\n"})
    with pytest.raises(InputError, match="<!-- end b -->"):
        embed_found(text, {"b": "x\n"})
    assert text.read_text() == "nothing\n<!-- begin b -->\n"
    with pytest.raises(InputError, match="no file"):
        embed_found(tmp_path / "absent.md", {"a": "x\n"})
