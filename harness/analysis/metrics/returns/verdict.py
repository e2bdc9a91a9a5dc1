"""What the comparison of returns comes to, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.analysis.metrics.returns.comparison import ALL_DATASETS, COLUMNS
from harness.analysis.metrics.verdicts import rows_of, sets_alone, smallest, tell_tasks, written
from harness.core.records import RunRecord

KEPT = 0.9  # retention from which on a set counts as keeping what full data give


def tell_kept(records: Sequence[RunRecord], comparison: pd.DataFrame) -> str:
    """Say where a set keeps what full data give, and which the smallest one is that does.

    A set is told by its arm and size; arms of all rows and controls are none. Of sets of one size
    it is the one of the highest retention, and where none keeps enough, that of all.

    Args:
        records: Those that were compared.
        comparison: What `compare_returns` returned for them.
    """
    sets = sets_alone(comparison[comparison["dataset"] != ALL_DATASETS], records)
    sets = sets[sets["retention"].notna()]
    if sets.empty:
        return (
            "No set can be held against full data here: there is none, or full data were not run, "
            "or gain nothing over the random policy."
        )
    kept = sets["retention"] >= KEPT
    row = smallest(sets, kept, -sets["retention"])
    full = rows_of(records, row["dataset"])
    return (
        f"In {tell_tasks(sets, kept)} a set keeps {100 * KEPT:.0f} % or more of what full data "
        f"gain over the random policy; {'the smallest' if kept.any() else 'the best'} of "
        f"{len(sets)} sets: {row['size']} of {full:,} transitions by {row['arm']}, learner "
        f"{row['learner']} on {row['dataset']}, retention "
        f"{COLUMNS['retention'].write(row['retention'])} with score "
        f"{written(row, 'score', COLUMNS)} over {row['seeds']} seeds."
    )
