"""Claims of published papers, and what records say to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from harness.analysis.claims import control, regression
from harness.analysis.claims.control import judge_control, render_verdict_table, render_verdicts
from harness.analysis.claims.published import read_claims
from harness.analysis.claims.regression import judge, render_judgements
from harness.analysis.columns import Columns
from harness.analysis.metrics import RETURNS, metric_of
from harness.core.records import RunRecord


def render_claims(records: Iterable[RunRecord], claims_path: Path) -> str:
    """Write citation, claims with their criteria, and every verdict, as their task has it.

    Raises:
        InputError: If the claims cannot be read, or none of them is about what was measured.
    """
    records = list(records)
    if metric_of(records) is RETURNS:
        return render_verdicts(records, claims_path)
    return render_judgements(records, claims_path)


def verdict_block(records: Iterable[RunRecord], claims_path: Path) -> str:
    """Write the verdicts that another text may hold; empty but for returns.

    Raises:
        InputError: If the claims cannot be read, or hold none of control.
    """
    records = list(records)
    return render_verdict_table(records, claims_path) if metric_of(records) is RETURNS else ""


def judge_claims(records: Iterable[RunRecord], claims_path: Path) -> tuple[pd.DataFrame, Columns]:
    """Judge a paper's claims on what was measured.

    Returns:
        A row a verdict with the columns of `judge_control` or of `judge`, among them ``claim`` and
        ``verdict``; and how each is written.

    Raises:
        InputError: If the claims cannot be read, or none of them is about what was measured.
    """
    records = list(records)
    if metric_of(records) is RETURNS:
        return judge_control(records, claims_path), control.COLUMNS
    return judge(records, claims_path), regression.COLUMNS


def define_verdicts(records: Iterable[RunRecord], claims_path: Path) -> str:
    """Say in a line whose claims `judge_claims` judges, and what its columns mean."""
    kind = control if metric_of(records) is RETURNS else regression
    return f"{read_claims(claims_path).source} {'; '.join(kind.DEFINITIONS)}."
