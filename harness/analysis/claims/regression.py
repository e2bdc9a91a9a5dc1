"""What the records say to a paper's claims, for every dataset and size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from harness.analysis.captions import provenance
from harness.analysis.claims.published import (
    Claim,
    Criterion,
    PublishedClaims,
    Verdict,
    read_claims,
)
from harness.analysis.columns import (
    TEXT,
    Column,
    count,
    shared,
    significant,
    tabulate,
    with_interval,
)
from harness.analysis.frame import FULL, beside_every_size, runs_frame
from harness.analysis.metrics import TEST_ERROR, metric_of
from harness.analysis.rendering import render
from harness.analysis.statistics import estimate, mean, ratio_interval, ratio_of_means
from harness.core.errors import InputError
from harness.core.records import RunRecord

COLUMNS = {
    "claim": TEXT,
    **shared("dataset", "size", "learner", "arm", "versus", "trials"),
    **with_interval("measured", significant),
    "verdict": TEXT,
}
SUMMARY_COLUMNS = {
    **dict.fromkeys(("claim", "text", "criterion"), TEXT),
    **dict.fromkeys(get_args(Verdict), Column("int64", count)),
}
_MEANINGS = {
    "error ratio": "mean over trials of MSE of arm / MSE of versus",
    "excess ratio": "mean excess of arm / mean excess of versus, excess = MSE / MSE of full − 1",
}
DEFINITIONS = (
    "measured: what the claim's criterion names, in trials that have every arm it needs, on the "
    "same split with the same learner",
    "interval: 95 % percentile bootstrap over trials",
    "undecided: the interval spans a bound, or is unknown",
)


def judge(records: Iterable[RunRecord], claims_path: Path) -> pd.DataFrame:
    """Judge a paper's supervised claims on every dataset and size of the records.

    Returns:
        One row a claim, dataset and size with the columns of ``COLUMNS``: ``measured`` is
        the measure of the claim's criterion with its 95 % interval, ``verdict`` is ``met``,
        ``not met`` or ``undecided``, and ``trials`` counts those that have every arm needed.

    Raises:
        InputError: If the claims cannot be read, or none of them is about what was measured.
    """
    return _judge(list(records), read_claims(claims_path), claims_path)


def render_judgements(records: Iterable[RunRecord], claims_path: Path) -> str:
    """Write citation, claims with their criteria and counts of verdicts, and every verdict.

    Raises:
        InputError: As `judge`.
    """
    records = list(records)
    published = read_claims(claims_path)
    table = _judge(records, published, claims_path)
    line = "; ".join((provenance(records), *DEFINITIONS))
    summary = render(_summary(table, published), "markdown", SUMMARY_COLUMNS)
    return f"{published.source}\n\n{summary}\n{line}.\n\n{render(table, 'markdown', COLUMNS)}"


def _judge(records: Sequence[RunRecord], published: PublishedClaims, path: Path) -> pd.DataFrame:
    metric = metric_of(records)
    runs = beside_every_size(runs_frame(records))
    rows = [
        row
        for claim, criterion in published.regression
        if metric is TEST_ERROR
        for row in _claim_rows(claim, criterion, runs)
    ]
    if not rows:
        learners = ", ".join(sorted({claim.learner for claim, _ in published.regression}))
        raise InputError(
            f"no claim of {str(path)!r} can be judged by these records of {metric.name}: it takes "
            f"test MSEs of learner {learners}; name results that hold them"
        )
    return tabulate(rows, COLUMNS)


def _claim_rows(claim: Claim, criterion: Criterion, runs: pd.DataFrame) -> Iterator[dict[str, Any]]:
    chosen = runs[runs["learner"] == claim.learner]
    for (dataset, size), block in chosen.groupby(["dataset", "size"], dropna=False):
        errors = block.pivot(index="seed", columns="arm", values="headline")
        errors = errors.reindex(columns=sorted({claim.arm, claim.versus, FULL}))
        trials, found = _MEASURES[criterion.measure](errors, claim)
        yield {
            "claim": claim.id,
            "dataset": dataset,
            "size": size,
            **{key: getattr(claim, key) for key in ("learner", "arm", "versus")},
            "trials": trials,
            **found,
            "verdict": criterion.verdict(found["measured_low"], found["measured_high"]),
        }


def _error_ratio(errors: pd.DataFrame, claim: Claim) -> tuple[int, dict[str, float]]:
    ratios = (errors[claim.arm] / errors[claim.versus]).dropna().to_numpy()
    return len(ratios), estimate("measured", [ratios], mean)


def _excess_ratio(errors: pd.DataFrame, claim: Claim) -> tuple[int, dict[str, float]]:
    full = errors[FULL].where(errors[FULL] > 0)
    excess = (errors.div(full, axis="index") - 1).dropna()
    arm, versus = excess[claim.arm].to_numpy(), excess[claim.versus].to_numpy()
    low, high = ratio_interval(arm, versus)
    ends = {"measured_low": float(low), "measured_high": float(high)}
    return len(excess), {"measured": float(ratio_of_means(arm, versus)), **ends}


_MEASURES = {"error ratio": _error_ratio, "excess ratio": _excess_ratio}


def _summary(table: pd.DataFrame, published: PublishedClaims) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "claim": claim.id,
            "text": claim.text,
            "criterion": _describe(criterion),
            **{
                verdict: int(((table["claim"] == claim.id) & (table["verdict"] == verdict)).sum())
                for verdict in get_args(Verdict)
            },
        }
        for claim, criterion in published.regression
        if claim.id in set(table["claim"])
    )


def _describe(criterion: Criterion) -> str:
    return (
        f"{_MEANINGS[criterion.measure]}: not met if its interval begins above "
        f"{criterion.refuted_above:g}, else met if it ends at {criterion.met_up_to:g} or below"
    )
