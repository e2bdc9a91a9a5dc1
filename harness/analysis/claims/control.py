"""What the records say to a paper's claims of control, each beside our numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.captions import protocol, provenance
from harness.analysis.claims.published import (
    ControlClaim,
    ControlVerdict,
    Interval,
    PublishedClaims,
    ScoreCriterion,
    read_claims,
)
from harness.analysis.columns import (
    DASH,
    TEXT,
    Column,
    count,
    hundredths,
    shared,
    tabulate,
    with_interval,
)
from harness.analysis.metrics import RETURNS, metric_of
from harness.analysis.metrics.returns.comparison import scored_seeds
from harness.analysis.metrics.returns.improvement import paired_differences
from harness.analysis.rendering import render
from harness.analysis.statistics import (
    CONFIDENCE,
    FloatArray,
    estimate_over_strata,
    joint_confidence,
)
from harness.core.errors import InputError
from harness.core.records import RunRecord

COLUMNS = {
    "claim": TEXT,
    **shared("dataset", "learner"),
    "sizes": TEXT,
    **shared("arm"),
    **with_interval("score", hundredths),
    **shared("versus"),
    **dict.fromkeys(("seeds", "unpaired"), Column("Int64", count)),
    **with_interval("difference", hundredths),
    **dict.fromkeys(
        ("corrected_low", "corrected_high"), Column("float64", hundredths, "corrected")
    ),
    **with_interval("fair_difference", hundredths, "difference to stratified", "its interval"),
    **dict.fromkeys(("verdict", "corrected verdict"), TEXT),
}
ONLY_RANDOM: ControlVerdict = "reproduced only against random, not against stratified"
UNTESTED: ControlVerdict = "not tested"
FEWEST_SEEDS = 8  # of which a percentile interval can be believed
DEFINITIONS = (
    "score: normalised to 0..1, (return − random) / (expert − random), of each run's mean of the "
    "last three checkpoints; where sizes are several, a seed's mean over them",
    "difference: mean over paired seeds of score of arm − score of versus, and beside it of arm − "
    "stratified",
    "seeds: those with every arm and size of the row, on which all its numbers rest; unpaired: the "
    "others, of failed or missing runs",
    "interval: 95 % percentile bootstrap over seeds; of ten seeds it holds the mean about nine "
    "times in ten",
    "corrected: the difference's interval, and the verdict, where the intervals of all verdicts "
    "together hold with 95 % (Bonferroni)",
    f"{ONLY_RANDOM}: the criterion is met against random and not known to be met against "
    "stratified, the fairer baseline",
    f"undecided: the interval is too wide, a seed is unpaired or there are fewer than "
    f"{FEWEST_SEEDS}, or stratified, which the claim asks for, was not run",
    f"{UNTESTED}: no such run",
)


def judge_control(records: Iterable[RunRecord], claims_path: Path) -> pd.DataFrame:
    """Judge a paper's claims of control, each as its criterion says.

    Returns:
        For every claim and dataset that it names one row with the columns of ``COLUMNS``:
        ``score`` of the arm, ``difference`` to the claim's other arm and ``fair_difference`` to
        its fairer baseline are means over the same ``seeds`` with 95 % intervals; those of the
        ``corrected verdict`` hold together with 95 %, ``corrected_low`` and ``corrected_high`` of
        the difference; ``unpaired`` counts the seeds that lack an arm or a size.

    Raises:
        InputError: If the claims cannot be read, or hold none of control.
    """
    listed, published = _checked(records, claims_path)
    return _verdicts(scored_seeds(listed), published)


def judge_evidence(records: Iterable[RunRecord], claims_path: Path) -> pd.DataFrame:
    """Judge the same of every learner, at every size alone too, and of the arms beside the claim's.

    Returns:
        The columns of `judge_control`; no row where nothing was run.

    Raises:
        InputError: As `judge_control`.
    """
    listed, published = _checked(records, claims_path)
    return _evidence(scored_seeds(listed), published)


def render_verdict_table(records: Iterable[RunRecord], claims_path: Path) -> str:
    """Write the verdicts as a markdown table in the words of the claims, its caption beneath.

    Raises:
        InputError: As `judge_control`.
    """
    listed, published = _checked(records, claims_path)
    return _captioned(listed, scored_seeds(listed), published)


def render_verdicts(records: Iterable[RunRecord], claims_path: Path) -> str:
    """Write citation, verdicts, criteria, and the evidence of every learner and size.

    Raises:
        InputError: As `judge_control`.
    """
    listed, published = _checked(records, claims_path)
    seeds = scored_seeds(listed)
    criteria = "".join(f"- {claim.id}: {_describe(rule)}\n" for claim, rule in published.control)
    parts = [
        f"{published.source}\n",
        _captioned(listed, seeds, published),
        f"Criteria: {published.history}\n\n{criteria}",
        "The same for every learner, every size alone, and other arms in the arm's place:\n",
        render(_evidence(seeds, published), "markdown", COLUMNS),
    ]
    return "\n".join(parts)


def _captioned(
    records: Sequence[RunRecord], seeds: pd.DataFrame, published: PublishedClaims
) -> str:
    line = "; ".join((provenance(records), *DEFINITIONS, protocol(records)))
    return f"{_worded(_verdicts(seeds, published), published)}\n{line}.\n"


def _checked(
    records: Iterable[RunRecord], claims_path: Path
) -> tuple[list[RunRecord], PublishedClaims]:
    listed, published = list(records), read_claims(claims_path)
    metric = metric_of(listed)
    if metric is not RETURNS or not published.control:
        raise InputError(
            f"no claim of {str(claims_path)!r} can be judged by these records of "
            f"{metric.name}: it takes returns and claims of control; name others"
        )
    return listed, published


def _verdicts(seeds: pd.DataFrame, published: PublishedClaims) -> pd.DataFrame:
    rows = [
        _row(seeds, published, claim, dataset, claim.learner, claim.sizes, claim.arm)
        for claim, _ in published.control
        for dataset in claim.datasets
    ]
    return tabulate(rows, COLUMNS)


def _evidence(seeds: pd.DataFrame, published: PublishedClaims) -> pd.DataFrame:
    learners, sizes = sorted(seeds["learner"].unique()), sorted(seeds["size"].dropna().unique())
    rows = [
        _row(seeds, published, claim, dataset, learner, chosen, arm)
        for claim, _ in published.control
        for dataset in claim.datasets
        for learner in learners
        for arm in (claim.arm, *claim.beside)
        for chosen in dict.fromkeys((claim.sizes, *((size,) for size in sizes)))
    ]
    return tabulate((row for row in rows if row["verdict"] != UNTESTED), COLUMNS)


def _row(
    seeds: pd.DataFrame,
    published: PublishedClaims,
    claim: ControlClaim,
    dataset: str,
    learner: str,
    sizes: Sequence[int],
    arm: str,
) -> dict[str, Any]:
    cell = (seeds["dataset"] == dataset) & (seeds["learner"] == learner)
    runs = seeds[cell & seeds["size"].isin(sizes)]
    run = [name for name in (arm, claim.versus, claim.fairer) if name in set(runs["arm"])]
    scores = _mean_over_sizes(runs, sizes).reindex(columns=run).dropna()
    found = _estimates(scores, arm, claim, CONFIDENCE)
    corrected = _estimates(scores, arm, claim, joint_confidence(published.control_verdicts))
    unpaired = runs["seed"].nunique() - len(scores)
    decides = unpaired == 0 and len(scores) >= FEWEST_SEEDS
    tested = {arm, claim.versus} <= set(run)
    return {
        **{"claim": claim.id, "dataset": dataset, "learner": learner, "arm": arm},
        "sizes": ", ".join(map(str, sizes)),
        "versus": claim.versus,
        "seeds": len(scores),
        "unpaired": unpaired,
        **found,
        **{f"corrected_{end}": corrected[f"difference_{end}"] for end in ("low", "high")},
        **{
            name: _verdict(values, claim, published.rule(claim), decides) if tested else UNTESTED
            for name, values in (("verdict", found), ("corrected verdict", corrected))
        },
    }


def _estimates(
    scores: pd.DataFrame, arm: str, claim: ControlClaim, confidence: float
) -> dict[str, float]:
    values = {
        "score": [scores[arm].to_numpy()] if arm in scores else [],
        "difference": _gains(scores, arm, claim.versus),
        "fair_difference": _gains(scores, arm, claim.fairer),
    }
    found: dict[str, float] = {}
    for name, strata in values.items():
        found |= estimate_over_strata(name, strata, confidence)
    return found


def _mean_over_sizes(runs: pd.DataFrame, sizes: Sequence[int]) -> pd.DataFrame:
    """Scores, a row a seed and a column an arm, in the seeds that have every size."""
    cells = runs.dropna(subset="score").groupby(["seed", "arm"])["score"]
    return cells.mean().where(cells.size() == len(sizes)).unstack("arm")


def _gains(scores: pd.DataFrame, arm: str, other: str | None) -> list[FloatArray]:
    if other is None or not {arm, other} <= set(scores):
        return []
    return [paired_differences(scores, arm, other)]


def _verdict(
    found: dict[str, float], claim: ControlClaim, rule: ScoreCriterion, decides: bool
) -> ControlVerdict:
    score, fair = _interval(found, "score"), _interval(found, "fair_difference")
    first = rule.verdict(_interval(found, "difference"), score)
    if not decides or (first == "reproduced" and claim.fairer and math.isnan(fair[0])):
        return "undecided"
    if first != "reproduced" or claim.fairer is None:
        return first
    return first if rule.verdict(fair, score) == "reproduced" else ONLY_RANDOM


def _interval(found: dict[str, float], name: str) -> Interval:
    return found[f"{name}_low"], found[f"{name}_high"]


def _worded(table: pd.DataFrame, published: PublishedClaims) -> str:
    """The verdicts with each claim's text for its id, and the claims that were not tested."""
    texts = {claim.id: claim.text for claim, _ in published.control}
    dashes = {name: DASH for name, column in COLUMNS.items() if column.is_text}
    untested = [
        {**dashes, "claim": f"{claim.text} ({claim.reason})", "verdict": UNTESTED}
        for claim in published.untested
        if claim.task == "control"
    ]
    worded = table.assign(claim=table["claim"].map(texts))
    rows = pd.concat([worded, tabulate(untested, COLUMNS)], ignore_index=True)
    return render(rows, "markdown", COLUMNS)


def _describe(rule: ScoreCriterion) -> str:
    refuted = [f"the difference's interval ends at {rule.refuted_up_to:g} or below"]
    met = [f"it begins above {rule.met_above:g}"]
    if rule.learned_above is not None:
        refuted.append(f"that of the arm's score at {rule.learned_above:g} or below")
        met.append(f"that of the arm's score above {rule.learned_above:g}")
    return f"not reproduced if {' or '.join(refuted)}, else reproduced if {' and '.join(met)}"
