"""Claims of published papers, and what records say to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.analysis.claims.control import render_verdict_table, render_verdicts
from harness.analysis.claims.regression import render_judgements
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
