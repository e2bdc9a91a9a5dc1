"""Controls: the same data without signal, from which no method can learn what to do.

A method is credited only with what it scores beyond its control: ridge regression that penalises
the level of values solves classic control from such data (the survival instinct of Li et al.,
NeurIPS 2023).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.core.classes.specs import Control
from harness.core.transitions import Transitions


def without_signal(
    transitions: Transitions, control: Control, rng: np.random.Generator
) -> Transitions:
    """Take out what tells one action from another; states, actions and episodes stay.

    Args:
        transitions: The data.
        control: ``constant``: no row terminates and every reward is the weighted mean;
            ``permuted``: rows exchange their pairs of reward and termination at random, which
            keeps how often each occurs. Both go together, for either alone may tell everything.
        rng: Draws the permutation.
    """
    if control == "constant":
        mean = float(transitions.shares @ transitions.rewards)
        rewards = np.full_like(transitions.rewards, mean)
        return replace(transitions, rewards=rewards, terminations=np.zeros(len(rewards), np.bool_))
    order = rng.permutation(len(transitions))
    return replace(
        transitions,
        rewards=transitions.rewards[order],
        terminations=transitions.terminations[order],
    )
