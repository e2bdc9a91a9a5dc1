"""What the comparison of returns comes to, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.analysis.metrics.returns.comparison import ALL_DATASETS, COLUMNS
from harness.analysis.metrics.returns.signal import PLACE, unearned_sets
from harness.analysis.metrics.verdicts import rows_of, sets_alone, smallest, tell_tasks, written
from harness.core.records import RunRecord

KEPT = 0.9  # retention from which on a set counts as keeping what full data give


def tell_kept(records: Sequence[RunRecord], comparison: pd.DataFrame) -> str:
    """Say where a set keeps what full data give, and which the smallest one is that does.

    A set is told by its arm and size; arms of all rows and controls are none, nor is a set whose
    control scores without signal. Of sets of one size it is the one of the highest retention, and
    where none keeps enough, that of all.

    Args:
        records: Those that were compared.
        comparison: What `compare_returns` returned for them.
    """
    sets = sets_alone(comparison[comparison["dataset"] != ALL_DATASETS], records)
    sets = sets[sets["retention"].notna()]
    earned = _earned(sets, records)
    if not earned.any():
        return (
            "No set can be held against full data here: there is none, or full data were not run, "
            "or gain nothing over the random policy, or data without signal score as well."
        )
    kept = earned & (sets["retention"] >= KEPT)
    row = smallest(sets[earned], kept[earned], -sets["retention"])
    left = len(sets) - earned.sum()
    return (
        f"In {tell_tasks(sets, kept)} a set keeps {100 * KEPT:.0f} % or more of what full data "
        f"gain over the random policy; {'the smallest' if kept.any() else 'the best'} of "
        f"{earned.sum()} sets{f' ({left} left out, which score without signal)' if left else ''}: "
        f"{row['size']} of {rows_of(records, row['dataset']):,} transitions by {row['arm']}, "
        f"learner {row['learner']} on {row['dataset']}, retention "
        f"{COLUMNS['retention'].write(row['retention'])} with score "
        f"{written(row, 'score', COLUMNS)} over {row['seeds']} seeds."
    )


def _earned(sets: pd.DataFrame, records: Sequence[RunRecord]) -> pd.Series:
    """Tell of each set whether none of its controls scores without signal."""
    unearned = unearned_sets(records)
    places = zip(*(sets[name] for name in (*PLACE, "arm")), strict=True)
    return pd.Series([place not in unearned for place in places], index=sets.index, dtype=bool)
