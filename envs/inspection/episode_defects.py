"""Checks of the order of rows, and of where episodes end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from envs.formats.row_order import find_jumps, find_lag
from envs.inspection.statistics import Statistics
from envs.thresholds import FEW_ENDS, GOES_ON, LIMIT_MERGED, ONE_STEP, SHUFFLED, TERMINAL_RUN
from harness.core.arrays import BoolArray, IntArray
from harness.core.presentation.text import rows, share


def find_episode_problems(statistics: Statistics) -> Iterator[str]:
    """Yield one line for each defect: the value, the rule and the remedy."""
    yield from statistics.recording.problems
    yield from _misalignment(statistics)
    yield from _leaps(statistics)
    yield from _flags(statistics)
    if statistics.lengths is not None and statistics.lengths.max() > 1:
        yield from _terminal_runs(statistics)
        yield from _single_steps(statistics)
        yield from _continued_cuts(statistics)
    yield from _time_limit(statistics)


def _misalignment(statistics: Statistics) -> Iterator[str]:
    broken, last = statistics.misaligned, statistics.last
    if broken is None or last is None or not len(broken):
        return
    inside = int(np.count_nonzero(~last))
    yield (
        f"{share(len(broken), inside, 'rows inside episodes')} have an s' that is not the s of "
        f"the next row (the first is row {broken[0]}): "
        f"{_diagnose(statistics, broken, len(broken) / inside)}"
    )


def _diagnose(statistics: Statistics, broken: IntArray, misaligned: float) -> str:
    taken = statistics.recording
    lag = find_lag(taken.next_observations, taken.observations)
    if lag == 0:
        return "it is the s of its own row, so take s' from one row on"
    if lag == 2:
        return "it is the s of two rows on, so take s' from one row back"
    moved = _misplaced_flags(statistics, broken, late=(2,))
    if moved is not None:
        return moved
    if misaligned > SHUFFLED:
        return "rows look shuffled or misread; restore their order, or read the source again"
    return "mark where episodes end, or drop those rows"


def _misplaced_flags(statistics: Statistics, broken: IntArray, late: tuple[int, ...]) -> str | None:
    """Say that ends are flagged a row off, if most broken rows stand beside them.

    Args:
        statistics: Of the recording.
        broken: Rows that do not lead to the next one. If ends are flagged early, they are the first
            of their episodes.
        late: How many rows before the next episode they stand, if ends are flagged late.
    """
    if statistics.starts is None or len(broken) < FEW_ENDS:
        return None
    starts = statistics.starts[1:]
    if np.isin(broken, starts).mean() > SHUFFLED:
        return "ends are flagged a row early, so move the flags one row down"
    if np.isin(broken, np.subtract.outer(starts, late)).mean() > SHUFFLED:
        return "ends are flagged a row late, so move the flags one row up"
    return None


def _leaps(statistics: Statistics) -> Iterator[str]:
    leaps, taken = statistics.leaps, statistics.recording
    if len(leaps):
        yield (
            f"{share(len(leaps), len(taken), 'rows')} jump from s to s', far beyond all other "
            f"steps (the first is row {leaps[0]}): {_diagnose_leaps(statistics, leaps)}"
        )


def _diagnose_leaps(statistics: Statistics, leaps: IntArray) -> str:
    if statistics.last is not None:
        leading = statistics.last[leaps] & statistics.joined[leaps]
        if leading.mean() > SHUFFLED:
            return "s' is there the first s of the next episode, so drop those rows"
    # a truncated row without s' was dropped, so that the one before is the last
    moved = _misplaced_flags(statistics, leaps, late=(1, 2))
    return moved or "mark where episodes end, or drop those rows"


def _flags(statistics: Statistics) -> Iterator[str]:
    terminations, truncations = statistics.recording.terminations, statistics.recording.truncations
    if len(terminations) > 1 and terminations.all():
        yield (
            f"all {rows(len(terminations))} are flagged terminated, so that none bootstraps: "
            "flag only the last row of an episode"
        )
    elif not terminations.any() and not truncations.any():
        yield (
            f"none of {rows(len(terminations))} is flagged terminated or truncated: flag where "
            "episodes end, or of a file name the array that does, as by --map truncations=NAME"
        )
    else:
        yield from _early_flags(statistics)


def _early_flags(statistics: Statistics) -> Iterator[str]:
    taken = statistics.recording
    if statistics.last is None:
        return
    for kind, flags in (("terminated", taken.terminations), ("truncated", taken.truncations)):
        early = np.flatnonzero(flags & ~statistics.last)
        if len(early):
            yield (
                f"{rows(len(early))} flagged {kind} before the episode's last (the first is row "
                f"{early[0]}): only the last may be, so split the episodes there"
            )


def _terminal_runs(statistics: Statistics) -> Iterator[str]:
    again, terminations = _repeated_terminals(statistics), statistics.recording.terminations
    if _many(again, int(terminations.sum()), TERMINAL_RUN) and not terminations.all():
        yield (
            f"{share(int(again.sum()), int(terminations.sum()), 'terminated rows')} directly "
            f"follow another one (the first is row {np.flatnonzero(again)[0]}): a run of them is "
            "one end of an episode, so keep the first of each run"
        )


def _repeated_terminals(statistics: Statistics) -> BoolArray:
    terminations = statistics.recording.terminations
    again = terminations.copy()
    again[1:] &= terminations[:-1]
    again[0] = False
    return again


def _single_steps(statistics: Statistics) -> Iterator[str]:
    starts, lengths = statistics.starts, statistics.lengths
    if starts is None or lengths is None:
        return
    single = (lengths == 1) & ~_repeated_terminals(statistics)[starts]
    if _many(single, len(lengths), ONE_STEP):
        yield (
            f"{share(int(single.sum()), len(lengths), 'episodes')} are one step long (the first "
            f"is row {starts[single][0]}): if these rows belong together, correct the flags that "
            "separate them"
        )


def _continued_cuts(statistics: Statistics) -> Iterator[str]:
    cuts, continued = find_cuts(statistics), find_continued_cuts(statistics)
    if len(continued) and len(continued) >= GOES_ON * len(cuts):
        yield (
            f"after {share(len(continued), len(cuts), 'time-outs')} the next row simply goes on "
            f"(the first is row {continued[0]}): they cut episodes in the middle; "
            "`convert --join` joins them"
        )


def find_cuts(statistics: Statistics) -> IntArray:
    """Last rows of episodes that did not terminate, but for the last episode."""
    if statistics.last is None:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero((statistics.last & ~statistics.recording.terminations)[:-1])


def find_continued_cuts(statistics: Statistics) -> IntArray:
    """Those of `find_cuts` whose s' is exactly the next row's s, and no jump from their own s."""
    cuts, taken = find_cuts(statistics), statistics.recording
    apart = find_jumps(taken.observations, taken.next_observations)
    return np.setdiff1d(cuts[~apart[cuts]], statistics.leaps)


def _time_limit(statistics: Statistics) -> Iterator[str]:
    limit, lengths = statistics.time_limit, statistics.lengths
    if limit is None or lengths is None:
        return
    environment = statistics.recording.reference.source_environment
    longer = np.flatnonzero(lengths > limit)
    if len(longer):
        yield (
            f"{share(len(longer), len(lengths), 'episodes')} are longer than the {limit} steps of "
            f"{environment} (the first is episode {longer[0]}, {lengths[longer[0]]} steps): "
            "mark where episodes end, or correct the environment id"
        )
    cut, merged = statistics.ended_at(limit)
    if merged > 1 and merged > LIMIT_MERGED * cut:
        yield (
            f"{merged} of {cut} episodes of {limit} steps, the time limit of {environment}, "
            "are flagged terminated: flag them truncated, for they did not end there"
        )


def _many(found: BoolArray, total: int, threshold: float) -> bool:
    count = int(found.sum())
    return count >= max(FEW_ENDS, threshold * total)
