"""How counts and lists read in a line of text."""

from __future__ import annotations

from collections.abc import Sequence

LISTED = 6  # names; a table has many columns and a line has not


def share(count: int, total: int, noun: str) -> str:
    """Say ``3 of 200 rows (1.5 %)``."""
    return f"{count:,} of {total:,} {noun} ({100 * count / max(total, 1):.3g} %)"


def counted(count: int, noun: str) -> str:
    """Say ``1 run`` or ``2 runs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rows(count: int) -> str:
    """Say ``1 row`` or ``2 rows``."""
    return counted(count, "row")


def listed(names: Sequence[str]) -> str:
    """Join names by commas; of many, the first and how many more there are."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
