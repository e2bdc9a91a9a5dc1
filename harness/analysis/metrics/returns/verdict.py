"""What the comparison of returns comes to, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.analysis.frame import FULL
from harness.analysis.metrics.returns.comparison import ALL_DATASETS, COLUMNS
from harness.analysis.metrics.returns.signal import PLACE, unearned_sets
from harness.analysis.metrics.verdicts import rows_of, sets_alone, smallest, tell_tasks, written
from harness.core.records import RunRecord

KEPT = 0.9  # retention from which on a set counts as keeping what full data give
TAUGHT = 0.1  # score of full data from which on there is something to keep


def tell_kept(records: Sequence[RunRecord], comparison: pd.DataFrame) -> str:
    """Say where a set keeps what full data give, and which the smallest one is that does.

    Datasets and learners count where full data teach: a share of next to nothing says nothing.
    A set is told by its arm and size; arms of all rows and controls are none, nor is a set whose
    control scores without signal. Of sets of one size it is the one of the highest retention, and
    where none keeps enough, that of all.

    Args:
        records: Those that were compared.
        comparison: What `compare_returns` returned for them.
    """
    taught = _taught(comparison[comparison["dataset"] != ALL_DATASETS])
    sets = sets_alone(taught, records)
    earned = _earned(sets, records)
    if not earned.any():
        return (
            "No set can be held against full data here: there is none, or full data were not run, "
            f"or score less than {TAUGHT}, or are not known to gain on the random policy, or data "
            "without signal score as well."
        )
    kept = earned & (sets["retention"] >= KEPT)
    row = smallest(sets[earned], kept[earned], -sets["retention"])
    which = "the smallest" if kept.any() else "the best"
    left = len(sets) - earned.sum()
    return (
        f"In {tell_tasks(sets, kept)} a set keeps {100 * KEPT:.0f} % or more of what full data "
        f"gain (which score {TAUGHT} or more there, as far as an expert is known); {which} of "
        f"{earned.sum()} sets{f' ({left} left out, which score without signal)' if left else ''}: "
        f"{row['size']} of {rows_of(records, row['dataset']):,} transitions by {row['arm']}, "
        f"learner {row['learner']} on {row['dataset']}, retention "
        f"{COLUMNS['retention'].write(row['retention'])} with score "
        f"{written(row, 'score', COLUMNS)} over {row['seeds']} seeds."
    )


def _taught(table: pd.DataFrame) -> pd.DataFrame:
    """Keep rows with a retention, of datasets and learners whose full data score enough.

    Those without a score, of datasets that know no expert, are kept.
    """
    task = ["dataset", "learner"]
    full = table[(table["arm"] == FULL) & ~(table["score"] < TAUGHT)]
    known = table[table["retention"].notna()]
    return known.merge(full[task].drop_duplicates(), on=task)


def _earned(sets: pd.DataFrame, records: Sequence[RunRecord]) -> pd.Series:
    """Tell of each set whether none of its controls scores without signal."""
    unearned = unearned_sets(records)
    places = zip(*(sets[name] for name in (*PLACE, "arm")), strict=True)
    return pd.Series([place not in unearned for place in places], index=sets.index, dtype=bool)
