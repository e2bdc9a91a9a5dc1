"""What each action pays at each state, read from rows that carry every action of a state."""

from __future__ import annotations

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.core.transitions import Transitions


def tabulate_worth(transitions: Transitions) -> tuple[IntArray, Float64Array]:
    """Tabulate the rewards of every action at every state.

    Neighbouring rows of one state, as labels of every action make them, count as one; an action
    that no row of a state takes is worth zero there.

    Returns:
        The first row of each state ``(S,)``, and the table ``(S, action_count)``.
    """
    observations = transitions.observations
    begins = np.ones(len(transitions), dtype=np.bool_)
    begins[1:] = (observations[1:] != observations[:-1]).any(axis=1)
    state_of = np.cumsum(begins) - 1
    worth = np.zeros((state_of[-1] + 1, transitions.action_count))
    np.add.at(worth, (state_of, transitions.actions), transitions.rewards)
    return np.flatnonzero(begins), worth
