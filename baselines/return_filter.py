"""Uniform random subsampling of the episodes with the highest returns."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import InputError
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions


class ReturnFilterReducer(Reducer[Transitions]):
    """Sample rows uniformly from the episodes with the highest returns; rows keep their weights.

    The top ``share`` of episodes is used, rounded up, and as many more as it takes to have ``size``
    rows. Ties between equal returns are broken at random. Behaviour cloning on the best tenth of
    episodes is the baseline %BC of Chen et al., "Decision Transformer" (2021), section 5.1.
    """

    name: ClassVar[str] = "return-filter"
    takes_continuous: ClassVar[bool] = True

    share: Annotated[float, Field(gt=0, le=1)] = 0.1  # of the episodes, the best ones

    def check_usable(self, transitions: Transitions) -> None:
        """Check that the rows form episodes."""
        measure_episodes(transitions, self.name)

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        candidates, returns = best_rows(transitions, self.share, size, rng, self.name)
        rows = np.sort(rng.choice(candidates, size, replace=False))
        diagnostics = {"episodes": float(len(returns)), "least_return": float(returns.min())}
        return transitions.take(rows), rows, diagnostics


def best_rows(
    transitions: Transitions, share: float, size: int, rng: np.random.Generator, method: str
) -> tuple[IntArray, Float64Array]:
    """Find the rows of the episodes with the highest returns.

    Args:
        transitions: The dataset.
        share: Of its episodes that is used, rounded up.
        size: Rows that there must be: as many more episodes are used as that takes.
        rng: Breaks ties between equal returns.
        method: What needs episodes, for the message.

    Returns:
        The rows ``(n,)``, in ascending order, and the returns of their episodes.

    Raises:
        InputError: If the rows form no episodes.
    """
    lengths, returns = measure_episodes(transitions, method)
    shuffled = rng.permutation(len(returns))
    ranked = shuffled[np.argsort(-returns[shuffled], kind="stable")]
    enough = int(np.searchsorted(np.cumsum(lengths[ranked]), size)) + 1
    kept = ranked[: max(enough, int(np.ceil(share * len(returns))))]
    rows = np.flatnonzero(np.repeat(np.isin(np.arange(len(returns)), kept), lengths))
    return rows, returns[kept]


def measure_episodes(transitions: Transitions, method: str) -> tuple[IntArray, Float64Array]:
    """Lengths ``(E,)`` and undiscounted returns ``(E,)`` of the episodes, in dataset order.

    Raises:
        InputError: If the rows form no episodes; ``method`` names the method that needs them.
    """
    if transitions.episodes is None:
        raise InputError(
            f"method {method!r} needs episodes, but this dataset of {len(transitions)} transitions "
            "has none: give its rows in order, with where episodes end, or choose another method"
        )
    episodes = transitions.episodes
    starts = np.flatnonzero(np.diff(episodes, prepend=episodes[0] - 1))
    returns = np.add.reduceat(transitions.rewards.astype(np.float64), starts)
    return np.diff(starts, append=len(transitions)), returns
