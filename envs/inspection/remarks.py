"""What may be right in a recording, and is worth a look."""

from __future__ import annotations

from collections.abc import Iterator

from envs.environment import time_limit
from envs.inspection.defects import find_copies
from envs.inspection.statistics import Measured
from harness.core.presentation.text import share


def find_remarks(measured: Measured) -> Iterator[str]:
    """One line for each."""
    yield from _ends(measured)
    yield from _single_steps(measured)
    yield from _equal_lengths(measured)
    yield from _returning(measured)


def _ends(measured: Measured) -> Iterator[str]:
    taken = measured.recording
    flagged = taken.terminations | taken.truncations
    if flagged.any() and not taken.terminations.any():
        yield (
            "no row is flagged terminated: no episode came to an end of its own, or the flags "
            "went missing"
        )
    if measured.last is None:
        yield "the source does not tell episodes apart, so nothing is said of them"
    elif flagged.any() and not flagged[measured.last].all():
        open_ends = int((~flagged[measured.last]).sum())
        yield f"{share(open_ends, int(measured.last.sum()), 'episodes')} end without a flag"


def _single_steps(measured: Measured) -> Iterator[str]:
    if measured.lengths is not None and measured.lengths.max() == 1:
        yield (
            "every episode is one step long, as where rows that form no episodes were stored: "
            "lengths, returns and scores are then those of single rows"
        )


def _equal_lengths(measured: Measured) -> Iterator[str]:
    if time_limit(measured.recording.reference.environment_id) or measured.lengths is None:
        return
    longest = int(measured.lengths.max())
    merged = measured.ended_at(longest)[1]
    if longest > 1 and merged > 2:
        yield (
            f"{merged} episodes are flagged terminated at the greatest length, {longest}: if that "
            "is a time limit, flag them truncated"
        )


def _returning(measured: Measured) -> Iterator[str]:
    count = len(measured.repeated_rows)
    if count and not len(find_copies(measured)):
        yield (
            f"{share(count, len(measured.recording), 'rows')} repeat an earlier one exactly, as in "
            "a deterministic environment that comes back to a state"
        )
