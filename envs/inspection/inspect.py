"""Inspection of a recorded dataset before it is used for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.comparison import Finding, compare, evidence_of
from envs.formats.recording import Recording
from envs.inspection.defects import find_problems
from envs.inspection.remarks import find_remarks
from envs.inspection.statistics import (
    Statistics,
    columns,
    count_distinct,
    count_pairs,
    normalised,
    pair_limits,
)
from envs.reference import Reference
from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import InputError

Spread = tuple[float, float, float]


@dataclass(frozen=True)
class Inspection:
    """Statistics of a dataset, its problems, and remarks."""

    source: str
    environment: Reference
    time_limit: int | None  # steps; None: unknown
    rows: int
    episodes: int | None  # None, here and below: episodes are unknown
    lengths: Spread | None  # minimum, median and maximum
    returns: Spread | None  # minimum, mean and maximum, undiscounted
    scores: Spread | None  # the same, normalised; the mean is the trajectory quality TQ
    terminated: float  # share of rows
    truncated: float  # share of rows
    terminated_episodes: float | None  # share of episodes whose last row is flagged so
    truncated_episodes: float | None
    misalignment: float | None  # share of rows inside episodes whose s' is not the next row's s
    action_counts: tuple[int, ...] | None  # rows of each action; None: actions are continuous
    action_ranges: tuple[tuple[float, float], ...] | None  # of each column; None: discrete
    action_coverage: float | None  # share of the actions that are taken; None: continuous
    unique_pairs: int  # discretised state-action pairs, see `count_pairs`
    reference_pairs: int | None  # of the reference dataset; None: none was given
    constant_columns: tuple[str, ...]
    non_finite_columns: tuple[str, ...]
    duplicate_rows: int  # rows that equal an earlier one, repeated episodes included
    problems: tuple[str, ...]  # one line for each defect
    remarks: tuple[str, ...]  # one line for each finding that may be intended
    notes: tuple[str, ...]  # notes of the source's reader

    @property
    def trajectory_quality(self) -> float | None:
        """TQ, the mean normalised return; see `envs.inspection.statistics.normalised`."""
        return None if self.scores is None else self.scores[1]

    @property
    def coverage(self) -> float | None:
        """State-action coverage SACo: unique pairs relative to the reference's.

        See `envs.inspection.statistics.count_pairs`.
        """
        return None if self.reference_pairs is None else self.unique_pairs / self.reference_pairs


def inspect(recording: Recording, reference: Recording | None = None) -> Inspection:
    """Compute statistics of a recording, and find its problems.

    Args:
        recording: The dataset.
        reference: A dataset of the same environment, relative to whose state-action pairs the
        coverage is measured.

    Raises:
        InputError: If the reference has other dimensions of states or actions than the dataset.
    """
    statistics = Statistics(recording)
    pairs, reference_pairs = _count(recording, reference)
    last = statistics.last
    compared = _compare(recording)
    return Inspection(
        source=recording.source,
        environment=recording.reference,
        time_limit=statistics.time_limit,
        rows=len(recording),
        episodes=None if statistics.starts is None else len(statistics.starts),
        lengths=_about_median(statistics.lengths),
        returns=_about_mean(statistics.returns),
        scores=_about_mean(normalised(statistics.returns, recording.reference)),
        terminated=float(recording.terminations.mean()),
        truncated=float(recording.truncations.mean()),
        terminated_episodes=None if last is None else float(recording.terminations[last].mean()),
        truncated_episodes=None if last is None else float(recording.truncations[last].mean()),
        misalignment=_misalignment(statistics),
        action_counts=_action_counts(recording),
        action_ranges=_action_ranges(recording),
        action_coverage=_action_coverage(recording),
        unique_pairs=pairs,
        reference_pairs=reference_pairs,
        constant_columns=statistics.constant_columns,
        non_finite_columns=tuple(
            name for name, column in columns(recording) if not np.isfinite(column).all()
        ),
        duplicate_rows=len(recording) - count_distinct(statistics.hashes),
        problems=(
            *find_problems(statistics),
            *(finding.text for finding in compared if finding.refused),
        ),
        remarks=(
            *find_remarks(statistics),
            *(finding.text for finding in compared if not finding.refused),
        ),
        notes=recording.notes,
    )


def _compare(recording: Recording) -> list[Finding]:
    """Compare a recording with its environment as the start of a suite does."""
    environment = recording.reference.environment
    recorded_in = recording.reference.source_environment
    if environment is None or recorded_in is None:
        return []
    try:
        return list(compare(evidence_of(recording), environment, recorded_in))
    except InputError as error:
        return [Finding(False, f"not compared with its environment: {error}")]


def _about_median(values: IntArray | None) -> Spread | None:
    if values is None:
        return None
    return float(values.min()), float(np.median(values)), float(values.max())


def _about_mean(values: Float64Array | None) -> Spread | None:
    if values is None:
        return None
    with np.errstate(invalid="ignore"):  # infinite rewards of either sign
        return float(values.min()), float(values.mean()), float(values.max())


def _misalignment(statistics: Statistics) -> float | None:
    if statistics.last is None or statistics.misaligned is None:
        return None
    return len(statistics.misaligned) / max(int(np.count_nonzero(~statistics.last)), 1)


def _action_counts(recording: Recording) -> tuple[int, ...] | None:
    count = recording.action_count
    if count is None:
        return None
    taken = recording.actions[(recording.actions >= 0) & (recording.actions < count)]
    return tuple(np.bincount(taken.astype(np.int64), minlength=count).tolist())


def _action_ranges(recording: Recording) -> tuple[tuple[float, float], ...] | None:
    if not recording.continuous:
        return None
    return tuple((float(column.min()), float(column.max())) for column in recording.actions.T)


def _action_coverage(recording: Recording) -> float | None:
    counts = _action_counts(recording)
    return None if counts is None else float(np.count_nonzero(counts) / len(counts))


def _count(recording: Recording, reference: Recording | None) -> tuple[int, int | None]:
    if reference is None:
        return count_pairs(recording, pair_limits(recording)), None
    kinds = [
        (taken.observations.shape[1], taken.action_count, taken.actions.shape[1:])
        for taken in (recording, reference)
    ]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"reference {reference.source!r} has {_kind(reference)}, and {recording.source!r} "
            f"{_kind(recording)}: they must agree; give a dataset of the same environment"
        )
    limits = pair_limits(recording, reference)
    return count_pairs(recording, limits), count_pairs(reference, limits)


def _kind(recording: Recording) -> str:
    actions = (
        f"continuous actions {recording.actions.shape[1]} wide"
        if recording.continuous
        else f"{recording.action_count} actions"
    )
    return f"observations {recording.observations.shape[1]} wide and {actions}"
