"""How each arm looks: colour, marker and line style, the same in every figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from harness.analysis.frame import FULL, arm_rank

LineStyle = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True)
class ArmStyle:
    """Three cues, so that no arm is told apart by its colour alone."""

    colour: str
    marker: str
    line: LineStyle
    width: float | None = None  # in points; as all lines unless given

    def options(self) -> dict[str, Any]:
        """Keyword arguments of a matplotlib line."""
        width = {} if self.width is None else {"linewidth": self.width}
        return {"color": self.colour, "marker": self.marker, "linestyle": self.line, **width}

    def thin(self, width: float) -> ArmStyle:
        """The same without markers, so many points wide."""
        return replace(self, marker="", width=width)


_DASHED = (0, (4, 1.6))
_LONG_DASH = (0, (8, 2))
_DOTTED = (0, (1.2, 1.4))
_DASH_DOT = (0, (6, 1.5, 1.2, 1.5))
_SHORT_DASH = (0, (2.4, 1))
_DASH_DOT_DOT = (0, (6, 1.5, 1.2, 1.5, 1.2, 1.5))

# Okabe-Ito palette, then Tol's muted one; arms that never meet, such as those of control and of
# regression, share colours
ARM_STYLES = {
    FULL: ArmStyle("#000000", "", _DASHED),
    "random": ArmStyle("#56B4E9", "v", _DOTTED),
    "stratified": ArmStyle("#E69F00", "s", _DASH_DOT),
    "leverage": ArmStyle("#009E73", "D", _SHORT_DASH),
    "tree-recombination": ArmStyle("#0072B2", "^", _LONG_DASH),
    "kernel-herding": ArmStyle("#E69F00", "s", _DASH_DOT),
    "loss-matching": ArmStyle("#D55E00", "o", "-"),
    "adversarial": ArmStyle("#0072B2", "X", _LONG_DASH),
    "exact": ArmStyle("#CC79A7", "P", _DASH_DOT_DOT),
    "bellman": ArmStyle("#D55E00", "o", "-"),
    "bellman-additive": ArmStyle("#0072B2", "X", _LONG_DASH),
    "bellman-product": ArmStyle("#D55E00", "o", "-"),
    "bellman-product-k20": ArmStyle("#882255", ">", _LONG_DASH),
    "bellman-product-k100": ArmStyle("#332288", "<", "-"),
    "operator": ArmStyle("#0072B2", "^", "-"),
    "stratified-shaped": ArmStyle("#56B4E9", "h", _LONG_DASH),
    "stratified-advantage": ArmStyle("#0072B2", "p", "-"),
    "forward-selection-advantage": ArmStyle("#009E73", "X", "-"),
    "full-shaped": ArmStyle("#888888", "", _DOTTED),
    "full-advantage": ArmStyle("#888888", "", _DASH_DOT),
    "random-shaped": ArmStyle("#999933", "v", _LONG_DASH),
    "random-advantage": ArmStyle("#44AA99", "v", "-"),
    "every-action": ArmStyle("#332288", "X", "-"),
    "exact-advantage": ArmStyle("#CC79A7", "P", "-"),
    "bellman-product-advantage": ArmStyle("#D55E00", "o", "-"),
    "bellman-network-advantage": ArmStyle("#882255", ">", "-"),
    "full-best-action": ArmStyle("#888888", "", _LONG_DASH),
    "stratified-best-action": ArmStyle("#999933", "d", _SHORT_DASH),
}
# Tol's muted palette, for arms that the harness does not know; the counts share no divisor, so
# that a look comes back only after all combinations
_OTHER_COLOURS = ("#332288", "#999933", "#882255", "#888888", "#DDCC77")
_OTHER_MARKERS = ("X", "p", "h", "d")
_OTHER_LINES = ("-", _SHORT_DASH, _DASH_DOT)


def arm_styles(arms: Iterable[str]) -> dict[str, ArmStyle]:
    """Give every arm its look, in the fixed order of arms.

    An arm of ``ARM_STYLES`` always looks the same; other arms take theirs in turn by name.
    """
    ordered = sorted(set(arms), key=arm_rank)
    others = [arm for arm in ordered if arm not in ARM_STYLES]
    return {
        arm: ARM_STYLES[arm] if arm in ARM_STYLES else _other_style(others.index(arm))
        for arm in ordered
    }


def _other_style(turn: int) -> ArmStyle:
    return ArmStyle(
        _OTHER_COLOURS[turn % len(_OTHER_COLOURS)],
        _OTHER_MARKERS[turn % len(_OTHER_MARKERS)],
        _OTHER_LINES[turn % len(_OTHER_LINES)],
    )
