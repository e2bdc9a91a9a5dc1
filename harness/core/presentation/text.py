"""Formatting of counts and lists for one-line messages."""

from __future__ import annotations

from collections.abc import Sequence

LISTED = 6  # maximum number of names in one line


def share(count: int, total: int, noun: str) -> str:
    """Format as ``3 of 200 rows (1.5 %)``."""
    return f"{count:,} of {total:,} {noun} ({100 * count / max(total, 1):.3g} %)"


def counted(count: int, noun: str) -> str:
    """Format as ``1 run`` or ``2 runs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rows(count: int) -> str:
    """Format as ``1 row`` or ``2 rows``."""
    return counted(count, "row")


def duration(seconds: float) -> str:
    """Format as ``40 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def listed(names: Sequence[str]) -> str:
    """Join names by commas; of many, only the first, and the number of the others."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
