from collections.abc import Sequence
from itertools import combinations

import pytest

from harness.analysis import (
    ARM_ORDER,
)
from harness.analysis.figures.styles import ARM_STYLES, arm_styles

# arms of one figure
TOGETHER = (
    (
        *("full", "random", "stratified", "leverage", "exact", "bellman", "operator"),
        *("bellman-product-k20", "bellman-product-k100"),
    ),
    (
        *("full", "random", "leverage", "exact"),
        *("loss-matching", "tree-recombination", "kernel-herding"),
    ),
    ("loss-matching", "adversarial"),
)


def test_every_known_arm_has_a_look() -> None:
    assert set(ARM_STYLES) == set(ARM_ORDER)


@pytest.mark.parametrize("arms", TOGETHER)
def test_arms_that_meet_look_different_in_colour_and_in_shape(arms: Sequence[str]) -> None:
    for one, other in combinations([ARM_STYLES[arm] for arm in arms], 2):
        assert one.colour != other.colour
        assert one.marker != other.marker


def test_the_look_of_a_known_arm_does_not_depend_on_the_others() -> None:
    alone = {arm: arm_styles([arm])[arm] for arm in ARM_ORDER}
    together = arm_styles([*reversed(ARM_ORDER), "zeta", "alpha"])
    assert {arm: together[arm] for arm in ARM_ORDER} == alone


def test_other_arms_look_different_whatever_their_order() -> None:
    others = [f"arm{i}" for i in range(12)]
    for arms in TOGETHER:
        styles = arm_styles([*others, *arms])
        assert styles == arm_styles([*arms, *reversed(others)])
        assert len({(style.colour, style.marker) for style in styles.values()}) == len(styles)
