"""Findings in a recording that may be intended, but are worth checking."""

from __future__ import annotations

from collections.abc import Iterator

from envs.inspection.defects import find_copies
from envs.inspection.statistics import Statistics
from harness.core.presentation.text import share


def find_remarks(statistics: Statistics) -> Iterator[str]:
    """Yield one line for each remark."""
    yield from _ends(statistics)
    yield from _single_steps(statistics)
    yield from _equal_lengths(statistics)
    yield from _returning(statistics)


def _ends(statistics: Statistics) -> Iterator[str]:
    taken = statistics.recording
    flagged = taken.terminations | taken.truncations
    if flagged.any() and not taken.terminations.any():
        yield "no row is flagged terminated: no episode terminated, or the flags are missing"
    if statistics.last is None:
        yield "episode boundaries are unknown, so there are no statistics of episodes"
    elif flagged.any() and not flagged[statistics.last].all():
        open_ends = int((~flagged[statistics.last]).sum())
        yield f"{share(open_ends, int(statistics.last.sum()), 'episodes')} end without a flag"


def _single_steps(statistics: Statistics) -> Iterator[str]:
    if statistics.lengths is not None and statistics.lengths.max() == 1:
        yield (
            "every episode is one step long, as if rows without episodes were stored: "
            "lengths, returns and scores are then those of single rows"
        )


def _equal_lengths(statistics: Statistics) -> Iterator[str]:
    if statistics.time_limit or statistics.lengths is None:
        return
    longest = int(statistics.lengths.max())
    merged = statistics.ended_at(longest)[1]
    if longest > 1 and merged > 2:
        yield (
            f"{merged} episodes are flagged terminated at the maximum length, {longest}: if that "
            "is a time limit, flag them truncated"
        )


def _returning(statistics: Statistics) -> Iterator[str]:
    count = len(statistics.repeated_rows)
    if count and not len(find_copies(statistics)):
        yield (
            f"{share(count, len(statistics.recording), 'rows')} repeat an earlier one exactly, as "
            "in a deterministic environment that returns to a state"
        )
