"""Sentences that say what a comparison found, for the head of a report."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from harness.analysis.columns import Columns
from harness.analysis.rendering import interval
from harness.core.records import RunRecord


def sets_alone(table: pd.DataFrame, records: Iterable[RunRecord]) -> pd.DataFrame:
    """Keep the rows of arms that make or keep a set: neither all rows, nor data without signal."""
    specs = [record.spec for record in records]
    left_out = {
        spec.reducer.label
        for spec in specs
        if spec.size is None or spec.reducer.control is not None
    }
    return table[~table["arm"].isin(left_out)]


def smallest(sets: pd.DataFrame, met: pd.Series, loss: pd.Series) -> pd.Series:
    """Find the smallest set that meets a rule, or if none does, that of the least loss.

    Args:
        sets: Rows with a ``size``.
        met: Whether each meets the rule.
        loss: Of each; of sets of one size the one with the least is taken.
    """
    found = sets.assign(loss=loss)
    if not met.any():
        return found.sort_values("loss", kind="stable").iloc[0]
    return found[met].sort_values(["size", "loss"], kind="stable").iloc[0]


def rows_of(records: Iterable[RunRecord], dataset: str) -> int:
    """Number of rows of a dataset that a run was completed on."""
    done = (record for record in records if record.spec.dataset == dataset)
    return next(record.result.dataset.rows for record in done if record.result is not None)


def written(row: pd.Series, name: str, columns: Columns) -> str:
    """Write a value of a row with the ends of its interval, where it has one."""
    write = columns[name].write
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    ends = [] if pd.isna(low) else [interval(low, high, write)]
    return " ".join([write(row[name]), *ends])


def tell_tasks(table: pd.DataFrame, met: pd.Series) -> str:
    """Count the datasets and learners with a row that meets a rule, as ``k of n``."""
    task = ["dataset", "learner"]
    found, total = (len(rows[task].drop_duplicates()) for rows in (table[met], table))
    return f"{found} of {total} {'pair' if total == 1 else 'pairs'} of dataset and learner"


def tell_least(table: pd.DataFrame, name: str, columns: Columns, what: str) -> str:
    """Say which row has the least value, of how many.

    Args:
        table: What a metric's `compare` returned.
        name: The column of values.
        columns: How they are written.
        what: The value in words.
    """
    known = table[table[name].notna()]
    if known.empty:
        return ""
    row = known.sort_values(name, kind="stable").iloc[0]
    where = [f"{row['size']} rows"] if pd.notna(row["size"]) else []
    if "predictors" in row and pd.notna(row["predictors"]):
        where.append(f"{row['predictors']} predictors")
    place = f" with {' and '.join(where)}" if where else ""
    return (
        f"The least {what} is that of {row['arm']}{place} on {row['dataset']}: "
        f"{written(row, name, columns)} over {row['seeds']} seeds, of {len(known)} compared."
    )
